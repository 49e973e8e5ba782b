/** What is said of a build script or a macro that asks for its git repository and was not shown it. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { isBuildScript, isRun } from '../plan/target.ts';
import type { Plan, PlannedUnit, UnitId } from '../plan/types.ts';
import type { Caution } from './cautions.ts';
import type { Lookup } from './types.ts';

/** Packages that read the repository for a build script. */
const readers = new Set(['git2', 'gix', 'vergen-gitcl', 'shadow-rs', 'rustc_tools_util']);

/** Procedural macros that read it. */
const macros = new Set(['git-version-macro', 'git-testament-derive']);

/** Of a unit that has ended. null: it does not ask, was shown the repository, there is none, or it was told before. */
export function withoutRepository(unit: PlannedUnit, lookup: Lookup): Caution | null {
  const { package: pkg } = unit;
  if (pkg.source.kind !== 'path' || unit.overridden || showsRepository(unit)) return null;
  const isScript = isRun(unit.unit);
  const how = isScript ? scriptAsks(unit, lookup.plan()) : macroAsks(unit, lookup.plan());
  const repository = how === null || !isNews(unit, lookup) ? null : repositoryAround(pkg.root);
  if (repository === null) return null;
  const [who, again] = isScript ? ['the build script of ', 'run the script'] : ['', 'compile it'];
  const git = path.relative(pkg.root, repository);
  // Git takes a file for deleted that is not shown, and a script is shown its package anyway.
  const inputs = isScript ? [git] : [git, path.join(path.dirname(git), '**')];
  return {
    title: `${who}\`${pkg.name} ${pkg.version}\` was not shown its git repository`,
    notes: [
      `note: ${how}; what it makes of commits and tags is missing`,
      fs.statSync(repository).isDirectory()
        ? `help: to show it, and to ${again} again for each commit, write in Cargo.toml:  [package.metadata.drydock]  inputs = [${inputs.map((input) => `"${input}"`).join(', ')}]`
        : 'help: the repository of this working tree lies elsewhere and cannot be shown: hand over what is wanted in a variable',
    ],
  };
}

function showsRepository({ source }: PlannedUnit): boolean {
  if (source.input.kind !== 'tree') return false;
  for (const file of source.input.files.keys()) if (/(?:^|\/)\.git\/(?:objects|packed-refs)/.test(file)) return true;
  return false;
}

/** With other dependencies a unit is another one, never built; a script has itself changed, too, where it was built again. */
function isNews(unit: PlannedUnit, lookup: Lookup): boolean {
  const why = lookup.stale?.(unit)?.why;
  return why === 'never-built' || (why === 'dependency-rebuilt' && isRun(unit.unit));
}

/** How a script asks: by its text, or by a package among all that it is linked with; null: it does not. */
function scriptAsks(run: PlannedUnit, plan: Plan): string | null {
  if (run.source.repository) return 'its text names `git`';
  const scripts = run.dependencies.filter((id) => {
    const unit = plan.byId.get(id)?.unit;
    return unit !== undefined && !isRun(unit) && isBuildScript(unit.target);
  });
  return dependsOn(scripts, plan, ({ unit }) => !isRun(unit), isReader);
}

/** The same of a macro that the unit's own code may call: not of one that another package of the user's has. */
function macroAsks(unit: PlannedUnit, plan: Plan): string | null {
  const isForeign = ({ package: pkg }: PlannedUnit) => pkg.source.kind !== 'path';
  return dependsOn(unit.dependencies, plan, isForeign, ({ package: pkg }) => macros.has(pkg.name));
}

function dependsOn(
  ids: readonly UnitId[],
  plan: Plan,
  follows: (unit: PlannedUnit) => boolean,
  wanted: (unit: PlannedUnit) => boolean,
): string | null {
  const seen = new Set<UnitId>();
  const waiting = [...ids];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    const unit = plan.byId.get(id);
    if (unit === undefined || seen.has(id) || !follows(unit)) continue;
    seen.add(id);
    if (wanted(unit)) return `it depends on \`${unit.package.name}\``;
    waiting.push(...unit.dependencies);
  }
  return null;
}

function isReader({ unit, package: pkg }: PlannedUnit): boolean {
  if (isBuildScript(unit.target)) return false;
  return readers.has(pkg.name) || (pkg.name === 'vergen' && unit.features.some((name) => name.startsWith('git')));
}

/** `.git` of the nearest directory that has one: a directory, or the file of a linked working tree or a submodule. */
function repositoryAround(directory: string): string | null {
  for (let above = directory; ; above = path.dirname(above)) {
    const repository = path.join(above, '.git');
    if (fs.existsSync(repository)) return repository;
    if (above === path.dirname(above)) return null;
  }
}

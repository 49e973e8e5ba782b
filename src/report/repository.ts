/** What is said of a build script that asks for its git repository and makes do without it, because it was not shown. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { isBuildScript, isRun } from '../plan/target.ts';
import type { Plan, PlannedUnit, UnitId } from '../plan/types.ts';
import type { Caution } from './cautions.ts';

/** Packages that read the repository for a build script. */
const readers = new Set(['git2', 'gix', 'vergen-gitcl', 'shadow-rs', 'rustc_tools_util']);

/** null: the script does not ask, was shown the repository, or there is none. */
export function withoutRepository(run: PlannedUnit, plan: Plan): Caution | null {
  if (run.package.source.kind !== 'path' || run.overridden || showsRepository(run)) return null;
  const reader = run.source.repository ? null : readerBehind(run, plan);
  if (reader === undefined) return null;
  const repository = repositoryAround(run.package.root);
  if (repository === null) return null;
  const how = reader === null ? 'its text names `git`' : `it depends on \`${reader}\``;
  return {
    title: `the build script of \`${run.package.name} ${run.package.version}\` was not shown its git repository`,
    notes: [
      `note: ${how}; what it makes of commits and tags is missing`,
      fs.statSync(repository).isDirectory()
        ? `help: to show it, and to run the script again for each commit, write in Cargo.toml:  [package.metadata.drydock]  inputs = ["${path.relative(run.package.root, repository)}"]`
        : 'help: the repository of this working tree lies elsewhere and cannot be shown: hand over what the script wants in a variable',
    ],
  };
}

function showsRepository({ source }: PlannedUnit): boolean {
  if (source.input.kind !== 'tree') return false;
  for (const file of source.input.files.keys()) if (/(?:^|\/)\.git\/(?:objects|packed-refs)/.test(file)) return true;
  return false;
}

/** Name of a package that reads repositories, among all that the script is linked with; undefined: there is none. */
function readerBehind(run: PlannedUnit, plan: Plan): string | undefined {
  const seen = new Set<UnitId>();
  const look = (ids: readonly UnitId[], wanted: (unit: PlannedUnit) => boolean): string | undefined => {
    for (const id of ids) {
      const unit = plan.byId.get(id);
      if (unit === undefined || seen.has(id) || isRun(unit.unit) || !wanted(unit)) continue;
      seen.add(id);
      if (isReader(unit)) return unit.package.name;
      const found = look(unit.dependencies, () => true);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return look(run.dependencies, ({ unit }) => isBuildScript(unit.target));
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

/** A plan as Nix expressions. */
import * as path from 'node:path';
import type { Plan, PlannedUnit } from '../plan/types.ts';
import { isBuildScript, isRun, kindOf } from '../plan/target.ts';
import type { StorePath } from '../nix/types.ts';
import { placesOf, unitDirectory, upliftPath } from '../target/places.ts';
import { helpers } from './helpers.ts';
import { exportMark } from '../sources/export-mark.ts';
import { outputExpressions, References, sourceExpressions } from './references.ts';
import { registriesOf } from './registries.ts';
import { settingsFile, sharedInputs, toolNotes } from './settings.ts';
import { type SourceContext, sourceExpression } from './source.ts';
import { attribute, literal, set, string } from './text.ts';
import type { Exported, ExportRequest, UnitPair } from './types.ts';
import { unitFile } from './unit-file.ts';
import { Copies, type Copy } from './copies.ts';

/**
 * The files of an export: one for each unit, and what makes derivations of them. They evaluate to the derivations of
 * `pure`; with `DRYDOCK_MOUNT` in the environment to those of `dev`. Reads sources that have to be copied or whose hash
 * is told; writes nothing.
 */
export function exportPlan(request: ExportRequest): Exported {
  const { workspace, pure, dev, out } = request;
  const pairs = pairsOf(pure, dev);
  const names = new Map(pairs.map((pair) => [pair.pure.id as string, pair.attribute]));
  const shared = sharedInputs(pure, workspace);
  const copies = new Copies();
  const context: SourceContext = {
    workspace,
    registries: registriesOf(workspace.cargoHome),
    copy: (input) => copies.add(input),
  };
  const sides = [pure, dev].map((plan) => {
    const known = [shared.expressions, outputExpressions(plan, names), sourceExpressions(plan, names)];
    const outPaths = new Map<string, StorePath>(
      plan.units.map(({ goal }) => [goal.sealed.drvPath, goal.sealed.outPath] as const),
    );
    const places = plan === pure ? [] : localPlaces(workspace.root, workspace.targetDir);
    return (unit: PlannedUnit) => ({ unit, references: new References(unit, known, outPaths, places) });
  });
  const [pureSide, devSide] = sides;
  if (pureSide === undefined || devSide === undefined) throw new Error('two plans make two sides');
  const files = new Map<string, string | Copy>();
  for (const pair of pairs) {
    const [left, right] = [pureSide(pair.pure), devSide(pair.dev)];
    files.set(`derivations/${pair.name}.nix`, unitFile(pair, left, right, sourceExpression(pair.pure, context)));
  }
  files.set('drydock.nix', helpers);
  files.set('settings.nix', settingsFile({ workspace, plan: pure, out, toolchain: shared.toolchain }));
  for (const [name, text] of shared.builders) files.set(name, text);
  files.set('default.nix', defaultFile(pairs));
  files.set('target.nix', targetFile(request, names));
  files.set('cargo_build_caller.nix', callerFile());
  for (const [name, contents] of copies.files()) files.set(name, contents);
  return { files, notes: [...toolNotes(shared.toolchain), ...copies.notes()] };
}

function pairsOf(pure: Plan, dev: Plan): readonly UnitPair[] {
  return pure.units.map((unit) => {
    const other = dev.byId.get(unit.id);
    if (other === undefined) throw new Error(`the unit ${unit.id} is in one lane only`);
    return { pure: unit, dev: other, ...namesOf(unit) };
  });
}

/** `<name>-<version>[-bin|-script_build|-script_build_run|…]-<identity>`. */
function namesOf({ package: pkg, unit, id }: PlannedUnit): Pick<UnitPair, 'name' | 'attribute'> {
  const part = isRun(unit) ? 'script_build_run' : isBuildScript(unit.target) ? 'script_build' : kindOf(unit.target);
  const told = ['script_build_run', 'script_build', 'bin', 'example', 'test', 'bench'].includes(part) ? [part] : [];
  const mode = unit.mode === 'build' || isRun(unit) || told.includes(unit.mode) ? [] : [unit.mode];
  const last = [...told, ...mode, id];
  return { name: [pkg.name, pkg.version, ...last].join('-'), attribute: [pkg.name, ...last].join('-') };
}

/** Directories that only the dev lane knows, and the expressions that give them; longest first. */
function localPlaces(root: string, targetDir: string): (readonly [string, string])[] {
  const places = [[targetDir, 'drydock.target'] as const, [root, 'drydock.root'] as const];
  return places.sort(([left], [right]) => right.length - left.length);
}

function defaultFile(pairs: readonly UnitPair[]): string {
  const imports = pairs
    .map(({ name, attribute: key }) => [key, `import ${fileExpression(name)} { inherit drydock units; }`] as const)
    .sort(([left], [right]) => (left < right ? -1 : 1));
  return `${exportMark}# Every unit by its name.
{ drydock ? import ./drydock.nix }:

let
  units = ${set(imports, '  ')};
in
units
`;
}

function fileExpression(name: string): string {
  return /^[A-Za-z0-9._+-]+$/.test(name) ? `./derivations/${name}.nix` : `(./derivations + ${literal(`/${name}.nix`)})`;
}

function targetFile({ workspace, pure }: ExportRequest, names: ReadonlyMap<string, string>): string {
  const places = placesOf(workspace);
  const files = new Map<string, string>();
  for (const unit of pure.units) {
    if (isRun(unit.unit) || isBuildScript(unit.unit.target)) continue;
    const expression = `units.${attribute(names.get(unit.id) ?? unit.id)}`;
    const shown = unit.files.filter(({ flavor }) => flavor !== 'debug-info' && flavor !== 'rmeta');
    for (const file of shown) {
      const uplifted = upliftPath(places, unit, file);
      const place = uplifted ?? (unit.root ? path.join(unitDirectory(places, unit), file.name) : null);
      if (place === null) continue;
      files.set(path.relative(workspace.targetDir, place), string([{ expression }, `/${file.name}`]));
    }
  }
  const search = pure.units.at(-1)?.goal.sealed.derivation.env['path'] ?? '';
  const sorted = [...files].sort(([left], [right]) => (left < right ? -1 : 1));
  const host = search.split(':').filter((directory) => !directory.startsWith('/nix/store/'));
  return `${exportMark}# What was asked for, laid out as below target/.
{ drydock ? import ./drydock.nix, units ? import ./default.nix { inherit drydock; } }:

drydock.results {
  name = "target";
  path = ${literal(host.join(':'))};
  files = ${set(sorted, '  ')};
}
`;
}

function callerFile(): string {
  return `${exportMark}# nix build --file nix/cargo_build_caller.nix target -L
let
  drydock = import ./drydock.nix;
  units = import ./default.nix { inherit drydock; };
in
{
  target = import ./target.nix { inherit drydock units; };
  inherit units;
}
`;
}

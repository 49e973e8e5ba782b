/** A build that ended well, as far as the programs that come after it need to know. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { BuildOutput } from '../cargo/build-output.ts';
import type { Workspace } from '../cargo/types.ts';
import { isRun } from '../plan/target.ts';
import type { Plan, PlannedUnit } from '../plan/types.ts';
import type { ReportOptions } from '../report/options.ts';
import { readScriptOutput } from '../report/script-output.ts';
import { mapPaths } from '../target/path-map.ts';
import { outDirOf, unitDirectory } from '../target/places.ts';
import type { Target } from '../target/types.ts';

export interface Built {
  readonly workspace: Workspace;
  readonly plan: Plan;
  readonly target: Target;
  readonly options: ReportOptions;
}

/** What a build script said, with real paths; null: it has said nothing that can be read. */
export function scriptOutput({ target }: Built, run: PlannedUnit): BuildOutput | null {
  const file = path.join(unitDirectory(target.places, run), 'output');
  if (!fs.existsSync(file)) return null;
  const text = mapPaths(fs.readFileSync(file, 'utf8'), run.pathMap, target.outputs);
  return readScriptOutput(run, text.split('\n'));
}

/** The runs of its own package's build script that a unit depends on. */
export function ownScripts({ plan }: Built, unit: Pick<PlannedUnit, 'dependencies' | 'package'>): PlannedUnit[] {
  return unit.dependencies.flatMap((id) => {
    const run = plan.byId.get(id);
    return run !== undefined && isRun(run.unit) && run.package.id === unit.package.id ? [run] : [];
  });
}

/** `OUT_DIR` and what the script has set for its package, in cargo's order. */
export function scriptVariables(built: Built, run: PlannedUnit): readonly (readonly [string, string])[] {
  return [['OUT_DIR', outDirOf(built.target.places, run)], ...(scriptOutput(built, run)?.env ?? [])];
}

const known = new WeakMap<Built, readonly string[]>();

/** Directories in which build scripts say that libraries are, sorted, kinds (`native=`) included. */
export function nativeDirectories(built: Built): readonly string[] {
  const directories = known.get(built) ?? findNativeDirectories(built);
  known.set(built, directories);
  return directories;
}

function findNativeDirectories(built: Built): readonly string[] {
  const found = new Set<string>();
  for (const unit of built.plan.units) {
    if (!isRun(unit.unit)) continue;
    for (const directory of scriptOutput(built, unit)?.searchPaths ?? []) found.add(directory);
  }
  return [...found].sort();
}

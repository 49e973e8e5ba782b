/** Where cargo puts the files of a unit (the layout of the Cargo book, "Build cache"). Pure: names only. */
import * as path from 'node:path';
import type { Workspace } from '../cargo/types.ts';
import { crateName, isBuildScript, isExecutable, isRun, kindOf } from '../plan/target.ts';
import type { PlannedUnit, UnitFile } from '../plan/types.ts';

export interface Places {
  /** `target/[triple/]debug` of final artifacts. */
  artifacts(platform: string | null): string;
  /** The same of the build directory; equal to `artifacts` unless `build.build-dir` says otherwise. */
  intermediates(platform: string | null): string;
}

/** The directories of a workspace. A target specification file stands for the triple that its name is. */
export function placesOf(workspace: Pick<Workspace, 'targetDir' | 'buildDir' | 'profileDir'>): Places {
  const under = (base: string) => (platform: string | null) =>
    path.join(base, platform === null ? '' : shortPlatform(platform), workspace.profileDir);
  return { artifacts: under(workspace.targetDir), intermediates: under(workspace.buildDir) };
}

export function shortPlatform(platform: string): string {
  return platform.endsWith('.json') ? path.basename(platform, '.json') : platform;
}

/** What cargo calls the directories that belong to one unit. */
export function unitName(unit: PlannedUnit): string {
  return `${unit.package.name}-${unit.id}`;
}

/** Where the output of a unit appears: `deps`, `examples`, or `build/<package>-<identity>` for build scripts and runs. */
export function unitDirectory(places: Places, unit: PlannedUnit): string {
  const own = unitName(unit);
  if (isRun(unit.unit)) return path.join(places.intermediates(unit.unit.platform), 'build', own);
  if (isBuildScript(unit.unit.target)) return path.join(places.intermediates(null), 'build', own);
  const kind = kindOf(unit.unit.target) === 'example' ? 'examples' : 'deps';
  return path.join(places.intermediates(unit.unit.platform), kind);
}

/** The directory that build scripts know as `OUT_DIR`, by the name that users see. */
export function outDirOf(places: Places, run: PlannedUnit): string {
  return path.join(unitDirectory(places, run), 'out');
}

/** Host directory of a unit's incremental state. */
export function incrementalDirectory(places: Places, unit: PlannedUnit): string {
  const name = `${crateName(unit.unit.target)}-${unit.id}`;
  return path.join(places.intermediates(unit.unit.platform), 'incremental', name);
}

/**
 * Where a file of a unit is put under its plain name, or null. Cargo uplifts binaries and Rust dynamic libraries
 * always, everything else of the units that were asked for; never metadata, checks and tests.
 */
export function upliftPath(places: Places, unit: PlannedUnit, file: UnitFile): string | null {
  const { target, mode } = unit.unit;
  if (mode !== 'build' || file.plainName === null || file.flavor === 'rmeta') return null;
  const dylib = target.crate_types.includes('dylib') && file.name.endsWith('.so');
  if (kindOf(target) !== 'bin' && !isBuildScript(target) && !dylib && !unit.root) return null;
  if (isBuildScript(target)) return path.join(unitDirectory(places, unit), file.plainName);
  const base = places.artifacts(unit.unit.platform);
  return kindOf(target) === 'example' ? path.join(base, 'examples', file.plainName) : path.join(base, file.plainName);
}

/** Whether cargo's artifact message names an executable for this unit. */
export function hasExecutable(unit: PlannedUnit): boolean {
  const { target, mode } = unit.unit;
  return (mode === 'build' && isExecutable(target)) || mode === 'test';
}

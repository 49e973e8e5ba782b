/** What compilations and runs of build scripts have in common once their derivation is sealed. */
import * as path from 'node:path';
import type { Goal } from '../engine/types.ts';
import type { StoreView } from '../mounts/views.ts';
import type { SourceClosure } from '../sources/types.ts';
import type { Environment } from './environment.ts';
import type { Facts } from './facts.ts';
import { buildRoot, unitDirectory } from './layout.ts';
import { depsPlace, outPlace, type Place, workspacePlace } from './places.ts';
import { isRun } from './target.ts';
import type { PlannedUnit, ToolchainPaths, UnitId } from './types.ts';

/** The units that are planned already, and the identities of all. */
export interface Made {
  unit(index: number): PlannedUnit;
  idOf(index: number): UnitId;
  /** `other` is a run of the build script of the package of `index`. */
  isOwnRun(index: number, other: number): boolean;
}

export interface Parts {
  readonly goal: Goal;
  readonly closure: SourceClosure;
  readonly place: Place;
  readonly toolchain: ToolchainPaths;
  readonly environment: Environment;
  readonly program: string;
  readonly argv: readonly string[];
  readonly programNames?: PlannedUnit['programNames'];
  readonly overridden?: boolean;
  /** What of the dependencies may be seen at further places. */
  readonly viewed?: readonly StoreView[];
  readonly variables?: readonly string[];
  readonly shellHasMore?: boolean;
}

/** `PATH` of what runs: the toolchain first, as in a shell where cargo is found; then Nix's tools and the host's. */
export function searchPath(toolchain: ToolchainPaths, directories: readonly string[]): string {
  return [...new Set([...toolchain.bin, ...directories])].join(':');
}

export function finish(facts: Facts, made: Made, index: number, parts: Parts): PlannedUnit {
  const unit = facts.unit(index);
  const pkg = facts.package(index);
  return {
    id: made.idOf(index),
    index,
    unit,
    package: pkg,
    lane: facts.lanes[index] ?? 'pure',
    goal: parts.goal,
    root: facts.roots.has(index),
    primary: facts.primary.has(pkg.id),
    files: facts.files[index] ?? [],
    dependencies: unit.dependencies.map((dependency) => made.idOf(dependency.index)),
    pathMap: pathMap(facts, made, index, parts),
    source: parts.closure,
    program: parts.program,
    arguments: parts.argv,
    environment: Object.fromEntries(parts.environment),
    programNames: parts.programNames ?? [],
    directory: parts.goal.sealed.derivation.env['directory'] ?? parts.place.directory,
    overridden: parts.overridden === true,
    variables: parts.variables ?? [],
    shellHasMore: parts.shellHasMore === true,
  };
}

/** Longest sandbox path first, so that the first that fits is the right one. */
function pathMap(facts: Facts, made: Made, index: number, parts: Parts): PlannedUnit['pathMap'] {
  const { workspace } = facts;
  const unit = facts.unit(index);
  const pkg = facts.package(index);
  const own = unitDirectory(workspace, unit, pkg, made.idOf(index));
  const map: [string, string][] = [
    [parts.place.root, parts.place.real],
    ...[depsPlace, ...(parts.viewed ?? []).map(({ target }) => target)].map(
      (place) => [place, path.join(buildRoot(workspace, unit.platform), 'deps')] as [string, string],
    ),
    [parts.toolchain.path, workspace.toolchain.sysroot],
  ];
  for (const [inside, name] of parts.programNames ?? []) if (inside !== parts.toolchain.rustc) map.push([inside, name]);
  for (const mount of parts.goal.mounts) map.push([mount.target, mount.directory]);
  if (parts.place.root !== workspacePlace) map.push([workspacePlace, workspace.root]);
  if (isRun(unit)) map.push([`${parts.goal.sealed.outPath}/out`, path.join(own, 'out')]);
  else map.push([outPlace, own]);
  for (const { index: run } of unit.dependencies) {
    if (!isRun(facts.unit(run))) continue;
    const directory = unitDirectory(workspace, facts.unit(run), facts.package(run), made.idOf(run));
    const { goal, pathMap: theirs, overridden } = made.unit(run);
    map.push([`${goal.sealed.outPath}/out`, path.join(directory, 'out')]);
    // Their metadata may name a directory of their sources (`metadataSources`).
    const { place } = goal.sealed.derivation.env;
    const source = theirs.find(([sandbox]) => sandbox === place);
    if (isRun(unit) && !overridden && source !== undefined) map.push([...source]);
  }
  return map.sort(([a], [b]) => b.length - a.length || (a < b ? -1 : 1));
}

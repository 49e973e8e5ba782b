/** What a compilation reads of its dependencies: `--extern` arguments, and the files that stand in `/build/deps`. */
import type { Unit, UnitGraph } from '../cargo/types.ts';
import type { Stage } from '../engine/types.ts';
import { unitAt } from './identity.ts';
import { depsPlace } from './places.ts';
import { isLinkable, isProcMacro, needsOnlyMetadata } from './target.ts';
import type { UnitFile } from './types.ts';

export interface DependencyFiles {
  readonly index: number;
  readonly stage: Stage;
  /** Names in that unit's output. */
  readonly names: readonly string[];
}

/** `--extern name=file` for each linkable direct dependency, in the graph's order, which is cargo's. */
export function externArguments(
  graph: UnitGraph,
  unit: Unit,
  files: readonly (readonly UnitFile[])[],
): readonly string[] {
  return unit.dependencies.flatMap(({ index, extern_crate_name: name, noprelude }) => {
    const dependency = unitAt(graph.units, index);
    if (!isExtern(dependency)) return [];
    const value = `${noprelude ? 'noprelude:' : ''}${name}=${depsPlace}/`;
    return namesRead(unit, dependency, files[index] ?? []).flatMap((file) => ['--extern', value + file]);
  });
}

/**
 * All files that rustc may look up through `-L dependency=`: those of the libraries that the unit reaches. Nothing
 * below a procedural macro: rustc loads that as a finished plug-in.
 */
export function dependencyFiles(
  graph: UnitGraph,
  unit: Unit,
  reached: readonly number[],
  files: readonly (readonly UnitFile[])[],
): readonly DependencyFiles[] {
  return reached.map((index) => {
    const dependency = unitAt(graph.units, index);
    const stage = needsOnlyMetadata(unit, dependency) ? 'early' : 'whole';
    return { index, stage, names: namesRead(unit, dependency, files[index] ?? []) };
  });
}

/** For each unit the libraries that it reaches, nearest first. */
export function reachedLibraries(graph: UnitGraph): (index: number) => readonly number[] {
  const known = new Map<number, readonly number[]>();
  const reach = (index: number): readonly number[] => {
    const done = known.get(index);
    if (done !== undefined) return done;
    const direct = unitAt(graph.units, index).dependencies.map((dependency) => dependency.index);
    const libraries = direct.filter((next) => isExtern(unitAt(graph.units, next)));
    const all = new Set(libraries);
    for (const next of libraries) {
      if (isProcMacro(unitAt(graph.units, next).target)) continue;
      for (const further of reach(next)) all.add(further);
    }
    const result = [...all];
    known.set(index, result);
    return result;
  };
  return reach;
}

function isExtern(unit: Unit): boolean {
  return isLinkable(unit.target) && (unit.mode === 'build' || unit.mode === 'check');
}

function namesRead(parent: Unit, dependency: Unit, files: readonly UnitFile[]): readonly string[] {
  const metadata = dependency.mode === 'check' || needsOnlyMetadata(parent, dependency);
  let names = readable.get(files);
  if (names === undefined) {
    names = { metadata: namesOf(files, 'rmeta'), linkable: namesOf(files, 'linkable') };
    readable.set(files, names);
  }
  return metadata ? names.metadata : names.linkable;
}

interface ReadableNames {
  readonly metadata: readonly string[];
  readonly linkable: readonly string[];
}

const readable = new WeakMap<readonly UnitFile[], ReadableNames>();

function namesOf(files: readonly UnitFile[], flavor: UnitFile['flavor']): readonly string[] {
  return files.filter((file) => file.flavor === flavor).map((file) => file.name);
}

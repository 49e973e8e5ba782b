/** Which form of link-time optimisation each unit takes part in (the Cargo book, "Profiles", lto). */
import type { Unit, UnitGraph } from '../cargo/types.ts';
import { isForHost } from './target.ts';

export type Lto =
  | { readonly kind: 'run'; readonly name: string | null }
  | { readonly kind: 'off' | 'bitcode' | 'object' | 'both' };

const canRun = new Set(['bin', 'staticlib', 'cdylib']);
const dynamic = new Set(['dylib', 'cdylib', 'proc-macro']);

/** By index of the unit. What a unit needs follows from those that link it, so the graph is walked from its roots. */
export function computeLto(graph: UnitGraph): ReadonlyMap<number, Lto> {
  const found = new Map<number, Lto>();
  for (const root of graph.roots) {
    const unit = graph.units[root];
    if (unit !== undefined) visit(graph, found, root, unit, ofRoot(unit));
  }
  return found;
}

/** rustc's arguments for it. */
export function ltoArguments(lto: Lto): readonly string[] {
  switch (lto.kind) {
    case 'run':
      return ['-C', lto.name === null ? 'lto' : `lto=${lto.name}`];
    case 'off':
      return ['-C', 'lto=off', '-C', 'embed-bitcode=no'];
    case 'bitcode':
      return ['-C', 'linker-plugin-lto'];
    case 'object':
      return ['-C', 'embed-bitcode=no'];
    case 'both':
      return [];
  }
}

function ofRoot(unit: Unit): Lto {
  const setting = unit.profile.lto;
  if (setting === 'false') return { kind: 'object' };
  if (setting === 'off') return { kind: 'off' };
  if (isForHost(unit.target)) return { kind: 'object' };
  return needsObject(unit.target.crate_types) ? whenObjectIsNeeded(unit.target.crate_types) : { kind: 'bitcode' };
}

function visit(graph: UnitGraph, found: Map<number, Lto>, index: number, unit: Unit, parent: Lto): void {
  const own = ofUnit(unit, parent);
  const before = found.get(index);
  const merged = before === undefined ? own : merge(own, before);
  if (before !== undefined && equal(before, merged)) return;
  found.set(index, merged);
  for (const { index: next } of unit.dependencies) {
    const dependency = graph.units[next];
    if (dependency !== undefined) visit(graph, found, next, dependency, merged);
  }
}

function ofUnit(unit: Unit, parent: Lto): Lto {
  const types = unit.mode === 'test' || unit.mode === 'doctest' ? ['bin'] : unit.target.crate_types;
  if (isForHost(unit.target)) return { kind: 'object' };
  if (types.every((type) => canRun.has(type))) return ofProfile(unit.profile.lto);
  const object = needsObject(types);
  if (parent.kind === 'run') return object ? whenObjectIsNeeded(types) : { kind: 'bitcode' };
  if (parent.kind === 'bitcode' && object) return whenObjectIsNeeded(types);
  return parent;
}

function ofProfile(setting: string): Lto {
  switch (setting) {
    case 'false':
      return { kind: 'object' };
    case 'true':
      return { kind: 'run', name: null };
    case 'off':
      return { kind: 'off' };
    default:
      return { kind: 'run', name: setting };
  }
}

/** A unit that several parents reach takes the strongest of what they ask for. */
function merge(own: Lto, before: Lto): Lto {
  if (own.kind === 'run') return own;
  if (before.kind === 'run') return before;
  if (own.kind === 'off' || before.kind === 'off') return { kind: 'off' };
  return own.kind === before.kind ? own : { kind: 'both' };
}

function equal(one: Lto, other: Lto): boolean {
  return one.kind === other.kind && (one.kind !== 'run' || other.kind !== 'run' || one.name === other.name);
}

function needsObject(types: readonly string[]): boolean {
  return types.some((type) => canRun.has(type) || dynamic.has(type));
}

/** rustc cannot run link-time optimisation for a dylib, so its parent's bitcode would be of no use there. */
function whenObjectIsNeeded(types: readonly string[]): Lto {
  return types.every((type) => type === 'dylib') ? { kind: 'object' } : { kind: 'both' };
}

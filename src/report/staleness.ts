/** Holds a unit's plan against what it was last built from: the first difference that a user can do something about. */
import * as path from 'node:path';
import type { Plan, PlannedUnit, UnitId } from '../plan/types.ts';
import type { UnitInputs } from '../target/inputs.ts';
import type { Stale } from './stale.ts';

/**
 * Why a unit must be built, or null if its derivation is the one that was built last. `before`: null if it was not
 * built here. `workspaceRoot`: files below it are named relative to it. `builtLast`: what another unit was built from last,
 * null where this build has built it.
 * What lies below a unit counts before its own files, as with cargo.
 */
export function staleness(
  before: UnitInputs | null,
  after: UnitInputs,
  unit: PlannedUnit,
  plan: Plan,
  workspaceRoot: string,
  builtLast: (dependency: UnitId) => UnitInputs | null,
): Stale | null {
  if (before === null) return { why: 'never-built' };
  if (before.out === after.out) return null;
  return (
    toolchainChange(before, after) ??
    laneChange(before, after) ??
    dependencyChange(before, after, plan, builtLast) ??
    sourceChange(before, after, unit, workspaceRoot) ??
    argumentChange(before, after, unit) ??
    variableChange(before, after, unit) ??
    dependencyNames(before, after) ??
    otherChange(before, after)
  );
}

function toolchainChange(before: UnitInputs, after: UnitInputs): Stale | null {
  if (before.program === after.program || !after.program.endsWith('/rustc')) return null;
  return { why: 'toolchain-changed', before: toolchainName(before.program), after: toolchainName(after.program) };
}

function toolchainName(program: string): string {
  return path.basename(path.dirname(path.dirname(program))).replace(/^[0-9a-z]{32}-/, '');
}

function laneChange(before: UnitInputs, after: UnitInputs): Stale | null {
  return before.lane === after.lane ? null : { why: 'lane-changed', before: before.lane, after: after.lane };
}

function sourceChange(before: UnitInputs, after: UnitInputs, unit: PlannedUnit, root: string): Stale | null {
  if (before.source === after.source) return null;
  const shown = (name: string) => {
    const file = path.join(unit.source.root, name);
    const relative = path.relative(root, file);
    return relative.startsWith('..') ? file : relative;
  };
  for (const [name, [, mtime, digest]] of Object.entries(after.files)) {
    const old = before.files[name];
    if (old !== undefined && old[2] !== digest) {
      return { why: 'source-changed', file: shown(name), builtAt: before.at, changedAt: mtime };
    }
  }
  for (const name of Object.keys(after.files)) {
    if (!(name in before.files)) return { why: 'source-appeared', file: shown(name) };
  }
  for (const name of Object.keys(before.files)) {
    if (!(name in after.files)) return { why: 'source-gone', file: shown(name) };
  }
  return { why: 'package-changed', before: path.basename(before.source), after: path.basename(after.source) };
}

function argumentChange(before: UnitInputs, after: UnitInputs, unit: PlannedUnit): Stale | null {
  const [old, now] = [flags(before.arguments), flags(after.arguments)];
  if (old.join('\0') === now.join('\0')) return null;
  return unit.overridden ? { why: 'override-changed' } : { why: 'flags-changed', before: old, after: now };
}

/** Arguments but for those that name dependencies: these are another reason. */
function flags(args: readonly string[]): string[] {
  return args.filter((arg, at) => arg !== '--extern' && args[at - 1] !== '--extern');
}

function variableChange(before: UnitInputs, after: UnitInputs, unit: PlannedUnit): Stale | null {
  for (const name of new Set([...Object.keys(before.environment), ...Object.keys(after.environment)])) {
    if (before.environment[name] !== after.environment[name]) {
      return { why: 'variable-changed', name, script: unit.unit.mode === 'run-custom-build' };
    }
  }
  return null;
}

function dependencyChange(
  before: UnitInputs,
  after: UnitInputs,
  plan: Plan,
  builtLast: (dependency: UnitId) => UnitInputs | null,
): Stale | null {
  for (const unit of plan.units) {
    const [old, now] = [before.dependencies[unit.id], after.dependencies[unit.id]];
    if (old === undefined || now === undefined || old === now) continue;
    const built = builtLast(unit.id);
    const isDone = built !== null && built.out === now && built.at > before.at;
    const times = isDone ? { builtAt: before.at, changedAt: built.at } : null;
    return { why: 'dependency-rebuilt', unit: unit.id, name: unit.package.name, times };
  }
  return null;
}

/** Dependencies that come, go, or are called otherwise. */
function dependencyNames(before: UnitInputs, after: UnitInputs): Stale | null {
  const [old, now] = [externs(before.arguments), externs(after.arguments)];
  const [oldCount, nowCount] = [Object.keys(before.dependencies).length, Object.keys(after.dependencies).length];
  if (oldCount !== nowCount) return { why: 'dependencies-changed', before: oldCount, after: nowCount };
  const at = old.findIndex((name, index) => name !== now[index]);
  return at === -1 ? null : { why: 'dependency-renamed', before: old[at] ?? '', after: now[at] ?? '' };
}

/** Names that dependencies go by: `--extern [options:]name[=file]`. */
function externs(args: readonly string[]): string[] {
  const given = args.filter((_, at) => args[at - 1] === '--extern');
  return given.map((text) => text.replace(/=.*$/s, '').replace(/^.*:/, ''));
}

function otherChange(before: UnitInputs, after: UnitInputs): Stale {
  if (before.hostTools !== after.hostTools) return { why: 'host-tools-changed' };
  if (before.builder !== after.builder) return { why: 'builder-changed' };
  return { why: 'other', what: 'what it may read of the units below it' };
}

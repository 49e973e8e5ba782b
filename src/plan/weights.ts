/** How long a unit keeps others waiting, roughly: what the scheduler starts first. */
import * as fs from 'node:fs';
import type { PlannedUnit, UnitId } from './types.ts';
import { callsLinker, isRun } from './target.ts';

/** Expected cost of each unit itself, in arbitrary units; the engine adds them up along the ways to the roots. */
export function weights(units: readonly PlannedUnit[]): ReadonlyMap<UnitId, number> {
  return new Map(units.map((unit) => [unit.id, cost(unit)]));
}

function cost(unit: PlannedUnit): number {
  if (isRun(unit.unit)) return 20;
  const optimised = unit.unit.profile.opt_level === '0' ? 1 : 3;
  const linking = callsLinker(unit.unit) ? 20 : 0;
  return Math.round(optimised * sourceSize(unit)) + linking + 5;
}

/** Kilobytes of compressed source, about. */
function sourceSize({ source: { input } }: PlannedUnit): number {
  switch (input.kind) {
    case 'file':
      return (fs.statSync(input.from, { throwIfNoEntry: false })?.size ?? 0) / 1024;
    case 'tree':
      return input.files.size * 4;
    case 'text':
    case 'host-directory':
    case 'store-path':
      return 1;
  }
}

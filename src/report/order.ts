/** The order in which cargo comes to units, for builds in which nothing runs but much is said. */
import type { PlannedUnit, UnitId } from '../plan/types.ts';
import { kindOf } from '../plan/target.ts';

/**
 * Units with the most dependents (direct and indirect) first, as cargo's queue has them; dependencies therefore before
 * dependents. Binaries that a test only runs do not count.
 */
export function inCargoOrder(units: readonly PlannedUnit[]): PlannedUnit[] {
  const at = new Map<UnitId, number>(units.map((unit, index) => [unit.id, index]));
  const words = Math.ceil(units.length / 32);
  const dependents = units.map((_, index) => {
    const bits = new Uint32Array(words);
    bits[index >> 5] = 1 << (index & 31);
    return bits;
  });
  // Dependents come after dependencies in a plan: backwards, each has all of its own before it is added to others.
  for (let index = units.length - 1; index >= 0; index -= 1) {
    for (const id of units[index]?.dependencies ?? []) {
      const dependency = at.get(id);
      const unit = dependency === undefined ? undefined : units[dependency];
      if (dependency === undefined || unit === undefined || ['bin', 'test'].includes(kindOf(unit.unit.target)))
        continue;
      const into = dependents[dependency];
      for (const [word, bits] of dependents[index]?.entries() ?? []) if (into) into[word] = (into[word] ?? 0) | bits;
    }
  }
  const priority = dependents.map((bits) => bits.reduce((sum, word) => sum + bitCount(word), 0));
  return units
    .map((unit, index): [PlannedUnit, number] => [unit, priority[index] ?? 0])
    .sort(([, a], [, b]) => b - a)
    .map(([unit]) => unit);
}

function bitCount(word: number): number {
  let rest = word;
  let bits = 0;
  while (rest !== 0) {
    rest &= rest - 1;
    bits += 1;
  }
  return bits;
}

/** What store paths reach through their references. */
import type { StorePath } from '../nix/types.ts';

/** `references`: null for a path that is not recorded. */
export function closureOf(
  paths: readonly StorePath[],
  references: (path: StorePath) => readonly StorePath[] | null,
): { paths: StorePath[]; missing: StorePath[] } {
  const reached = new Set<StorePath>();
  const missing: StorePath[] = [];
  const waiting = [...paths];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (reached.has(next)) continue;
    reached.add(next);
    const further = references(next);
    if (further === null) missing.push(next);
    else waiting.push(...further);
  }
  return { paths: [...reached], missing };
}

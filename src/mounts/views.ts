/** Views: inputs of a derivation that its sandbox shows at one more place. The attribute `storeViews`, JSON. */
import type { StorePath } from '../nix/types.ts';

export interface StoreView {
  readonly target: string;
  /** A directory. */
  readonly source: StorePath;
}

/** More are refused by the hook. */
const mostViews = 512;

/**
 * The attribute's text, an object of place and store path; null: there are none. The same views give the same text: it
 * enters the derivation's hash. What the hook would refuse for its form or its number is left out: the last ones.
 */
export function declareViews(views: readonly StoreView[]): string | null {
  const possible = new Map(views.flatMap(({ target, source }) => (isPossible(target) ? [[target, source]] : [])));
  if (possible.size === 0) return null;
  const sorted = [...possible].slice(0, mostViews).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(Object.fromEntries(sorted));
}

/** Reads the attribute; null: it is not what `declareViews` writes. */
export function parseViews(text: string): readonly StoreView[] | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const views: StoreView[] = [];
  for (const [target, source] of Object.entries(value)) {
    if (typeof source !== 'string' || !isPossible(target)) return null;
    views.push({ target, source: source as StorePath });
  }
  return views;
}

function isPossible(target: string): boolean {
  // oxlint-disable-next-line no-control-regex
  if (!target.startsWith('/') || target.endsWith('?') || /[="\\\x00-\x1f\x7f-\x9f]/.test(target)) return false;
  return target.split('/').every((part, at) => at === 0 || !['', '.', '..'].includes(part));
}

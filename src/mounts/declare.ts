/** Cache mounts as a derivation declares them: the attribute `cacheMounts`, JSON. */
import type { CacheMount, Sharing } from './types.ts';

/** More are refused by the hook. */
const mostMounts = 16;
const sharings: readonly Sharing[] = ['locked', 'private', 'shared'];

/** The attribute's text. The same mounts give the same text: it enters the derivation's hash. */
export function declareCacheMounts(mounts: readonly CacheMount[]): string {
  return JSON.stringify(
    mounts
      .map(({ id, target, sharing, ro }) => ({ id, target, sharing, ro }))
      .toSorted((a, b) => (a.target < b.target ? -1 : a.target > b.target ? 1 : 0)),
  );
}

/** Reads the attribute; null: it is not what `declareCacheMounts` writes. */
export function parseCacheMounts(text: string): readonly CacheMount[] | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(value) || value.length > mostMounts) return null;
  const mounts: CacheMount[] = [];
  for (const entry of value as unknown[]) {
    const mount = cacheMount(entry);
    if (mount === null) return null;
    mounts.push(mount);
  }
  return mounts;
}

function cacheMount(entry: unknown): CacheMount | null {
  if (typeof entry !== 'object' || entry === null) return null;
  const { id, target, sharing, ro } = entry as Record<string, unknown>;
  const known = sharings.find((one) => one === sharing);
  if (typeof id !== 'string' || typeof target !== 'string' || known === undefined || typeof ro !== 'boolean')
    return null;
  if (!target.startsWith('/') || target.split('/').some((part) => part === '..' || part === '.')) return null;
  if (!isId(id)) return null;
  return { id, target, sharing: known, ro };
}

/** As the hook has it: an id becomes a part of paths, here too. */
function isId(id: string): boolean {
  return /^[\w.+@/-]{1,200}$/.test(id) && id.split('/').every((part) => !['', '.', '..'].includes(part));
}

/** Values of cargo's configuration with the place where each was defined, and how two of them merge. */
import { dirname } from 'node:path';

/** Rule: cargo book, "Configuration", hierarchical structure. Later kinds win over earlier ones. */
export type Origin =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'environment'; readonly name: string }
  /** `--config`; `path`: the file that was named there. */
  | { readonly kind: 'command-line'; readonly path: string | null };

export type Node =
  | { readonly type: 'scalar'; readonly value: string | number | boolean; readonly origin: Origin }
  | { readonly type: 'list'; readonly items: readonly Node[]; readonly origin: Origin }
  | { readonly type: 'table'; readonly entries: ReadonlyMap<string, Node>; readonly origin: Origin };

const rank = { file: 0, environment: 1, 'command-line': 2 } as const;

export function outranks(a: Origin, b: Origin): boolean {
  return rank[a.kind] > rank[b.kind];
}

/** The directory that relative paths start from: above the file's own directory; else where cargo was started. */
export function rootOf(origin: Origin, cwd: string): string {
  if (origin.kind === 'environment' || origin.path === null) return cwd;
  return dirname(dirname(origin.path));
}

/** A parsed TOML value as a node; null for what the configuration has no type for (dates, floats). */
export function nodeOf(value: unknown, origin: Origin): Node | null {
  if (typeof value === 'string' || typeof value === 'boolean') return { type: 'scalar', value, origin };
  if (typeof value === 'bigint') return { type: 'scalar', value: Number(value), origin };
  if (typeof value === 'number') return Number.isInteger(value) ? { type: 'scalar', value, origin } : null;
  if (Array.isArray(value)) {
    return { type: 'list', items: value.flatMap((item) => nodeOf(item, origin) ?? []), origin };
  }
  if (value === null || typeof value !== 'object' || value instanceof Date) return null;
  const entries = new Map<string, Node>();
  for (const [key, item] of Object.entries(value)) {
    const node = nodeOf(item, origin);
    if (node) entries.set(key, node);
  }
  return { type: 'table', entries, origin };
}

/** Lists that name a program: the higher one replaces the lower one instead of being appended. */
const notMerged = [
  /^credential-alias\.[^.]+$/,
  /^doc\.browser$/,
  /^host\.runner$/,
  /^registries\.[^.]+\.credential-provider$/,
  /^registry\.credential-provider$/,
  /^target\..+\.runner$/,
];

export function isMergedList(key: string): boolean {
  return !notMerged.some((pattern) => pattern.test(key));
}

/**
 * Merges `from` into `into`. `force`: scalars of `from` win over those of the same rank and its list items come last
 * (includes, command line); otherwise `into` stays and its items come last (files found farther up).
 */
export function merge(into: Node, from: Node, force: boolean, key = ''): Node {
  const wins = force || outranks(from.origin, into.origin);
  if (into.type === 'table' && from.type === 'table') {
    const entries = new Map(into.entries);
    for (const [name, node] of from.entries) {
      const old = entries.get(name);
      entries.set(name, old ? merge(old, node, force, key === '' ? name : `${key}.${name}`) : node);
    }
    return { ...into, entries };
  }
  if (into.type === 'list' && from.type === 'list') {
    if (!isMergedList(key)) return wins ? from : into;
    const items = force ? [...into.items, ...from.items] : [...from.items, ...into.items];
    return { ...into, items: byRank(items) };
  }
  if (into.type !== 'scalar' || from.type !== 'scalar') return into;
  return wins ? from : into;
}

/** Stable: items of one rank keep their order. */
export function byRank(items: readonly Node[]): readonly Node[] {
  return items.toSorted((a, b) => rank[a.origin.kind] - rank[b.origin.kind]);
}

/** Without origins: what the value is. */
export function plain(node: Node): unknown {
  if (node.type === 'scalar') return node.value;
  if (node.type === 'list') return node.items.map(plain);
  return Object.fromEntries([...node.entries].map(([name, item]) => [name, plain(item)]));
}

/** Joins as Rust's `Path::join`: nothing is normalised, an absolute second part replaces the first. */
export function joined(root: string, path: string): string {
  if (path.startsWith('/')) return path;
  return root.endsWith('/') ? `${root}${path}` : `${root}/${path}`;
}

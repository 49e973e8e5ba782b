/** Build-script output that the configuration declares. Rule: cargo book, "Overriding build scripts". */
import { type Node, plain } from './config-value.ts';
import type { LinksOverride } from './types.ts';

/** Keys of a `[target.<triple>]` table that are no `links` names. */
const reserved: ReadonlySet<string> = new Set(['ar', 'linker', 'runner', 'rustflags', 'rustdocflags']);

const lists: ReadonlySet<string> = new Set([
  'rustc-link-lib',
  'rustc-link-search',
  'rustc-link-arg-cdylib',
  'rustc-link-arg-bins',
  'rustc-link-arg',
  'rustc-link-arg-tests',
  'rustc-link-arg-benches',
  'rustc-link-arg-examples',
  'rustc-cfg',
  'rustc-check-cfg',
]);

/** The table of one `links` name as the lines that a build script would print; null where `links` names no table. */
export function linksOverride(target: Node | null, links: string): LinksOverride | null {
  if (target?.type !== 'table' || reserved.has(links)) return null;
  const table = target.entries.get(links);
  if (table?.type !== 'table') return null;
  const lines: string[] = [];
  // By key: cargo sorts, so that the order of flags does not depend on the order of the file.
  for (const [key, node] of [...table.entries].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const name = key === 'rustc-cdylib-link-arg' ? 'rustc-link-arg-cdylib' : key;
    if (key === 'rustc-env') {
      for (const [variable, value] of node.type === 'table' ? node.entries : []) {
        lines.push(`cargo::rustc-env=${variable}=${String(plain(value))}`);
      }
    } else if (lists.has(name)) {
      for (const item of node.type === 'list' ? node.items : []) lines.push(`cargo::${name}=${String(plain(item))}`);
    } else if (key === 'rustc-flags') {
      lines.push(`cargo::rustc-flags=${String(plain(node))}`);
    } else {
      lines.push(`cargo::metadata=${key}=${String(plain(node))}`);
    }
  }
  return { output: lines.map((line) => `${line}\n`).join('') };
}

/** Roots for the collector, registered as an ordinary user can: indirect ones, symlinks of this user's. */
import { readFileSync, readlinkSync, renameSync, symlinkSync } from 'node:fs';
import * as path from 'node:path';
import { parseStorePath, textPath } from '../../nix/store-path.ts';
import type { StorePath } from '../../nix/types.ts';
import { asideName } from '../../sys/durable.ts';
import type { RemoteStore } from './remote-store.ts';
import { makeDirectories } from '../../sys/directories.ts';

const name = 'drydock-roots';

/**
 * Makes `link` point to a small store path that refers to all of `paths`, and to those that it referred to before under
 * other names: one root for any number of them. When the link is removed, nothing of this is left. All `paths` must be
 * valid. `root`: what stands before `/nix/store` on this machine.
 */
export async function keepPaths(
  store: RemoteStore,
  root: string,
  link: string,
  paths: ReadonlyMap<string, StorePath>,
): Promise<void> {
  const before = keptBy(root, link);
  const stillValid = await store.valid([...before.values()]);
  const kept = new Map([...before].filter(([, each]) => stillValid.has(each)));
  for (const [unit, each] of paths) kept.set(unit, each);
  if (kept.size === 0) return;
  const references = [...new Set(kept.values())].sort();
  const text = [...kept]
    .map(([unit, each]) => `${each} ${unit}\n`)
    .sort()
    .join('');
  const made = textPath(name, text, references);
  if (!(await store.valid([made])).has(made)) await store.addText(made, text, references);
  makeDirectories(path.dirname(link));
  const aside = asideName(link);
  symlinkSync(made, aside);
  renameSync(aside, link);
  await store.keep(link);
}

/** What a link of an earlier build keeps; nothing where it is not there or was made by something else. */
function keptBy(root: string, link: string): Map<string, StorePath> {
  const kept = new Map<string, StorePath>();
  let text: string;
  try {
    text = readFileSync(`${root}${readlinkSync(link)}`, 'utf8');
  } catch {
    return kept;
  }
  for (const line of text.split('\n')) {
    const space = line.indexOf(' ');
    const each = parseStorePath(line.slice(0, space));
    if (space > 0 && each !== null) kept.set(line.slice(space + 1), each);
  }
  return kept;
}

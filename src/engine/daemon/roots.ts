/** Roots for the collector, registered as an ordinary user can: indirect ones, symlinks of this user's. */
import { mkdirSync, renameSync, symlinkSync } from 'node:fs';
import * as path from 'node:path';
import { textPath } from '../../nix/store-path.ts';
import type { StorePath } from '../../nix/types.ts';
import { asideName } from '../../sys/durable.ts';
import type { RemoteStore } from './remote-store.ts';

const name = 'drydock-roots';

/**
 * Makes `link` point to a small store path that refers to all of `paths`: one root for any number of them. When the link
 * is removed, nothing of this is left. All `paths` must be valid.
 */
export async function keepPaths(store: RemoteStore, link: string, paths: readonly StorePath[]): Promise<void> {
  const references = [...new Set(paths)].sort();
  const text = references.map((each) => `${each}\n`).join('');
  const root = textPath(name, text, references);
  if (!(await store.valid([root])).has(root)) await store.addText(root, text, references);
  mkdirSync(path.dirname(link), { recursive: true });
  const aside = asideName(link);
  symlinkSync(root, aside);
  renameSync(aside, link);
  await store.keep(link);
}

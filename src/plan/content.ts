/** Inputs whose contents are known here. */
import type { DiskCache } from '../cargo/disk-cache.ts';
import { narHash, narHashSync } from '../nix/nar.ts';
import { sourcePath, toStoreName } from '../nix/store-path.ts';
import type { Sha256, StorePath } from '../nix/types.ts';
import type { SourceClosure } from '../sources/types.ts';
import { type HostFile, treeOf } from './host-files.ts';

/** A tree with nothing in it, for a unit that reads no sources. `root` is for the caller to say. */
export function emptyTree(): Omit<SourceClosure, 'root'> {
  const path = sourcePath('empty', narHashSync({ type: 'directory', entries: [] }));
  return {
    path,
    input: { kind: 'tree', path, files: new Map() },
    form: 'tree',
    env: [],
    programs: [],
    repository: false,
  };
}

/** The store path of a tree of host files; their contents are read only where a stat has changed. */
export async function contentAddressed(
  name: string,
  files: readonly HostFile[],
  cache: DiskCache,
): Promise<{ readonly path: StorePath; readonly narHash: Sha256 }> {
  const stamps = files.map((file) => [file.name, file.real, file.stamp]);
  const storeName = toStoreName(name);
  const before = cache.read('host-tree', stamps);
  const hash = typeof before === 'string' ? (before as Sha256) : await narHash(treeOf(files));
  if (before !== hash) cache.write('host-tree', stamps, hash);
  return { path: sourcePath(storeName, hash), narHash: hash };
}

/** The store path of a tree of chosen files. */
import { sha256, sha256Stream } from '../nix/hash.ts';
import { narPieces } from '../nix/nar-layout.ts';
import { fixedOutputPath, toStoreName } from '../nix/store-path.ts';
import type { NarNode, Sha256, StorePath } from '../nix/types.ts';
import { ChangedMeanwhile, type FileCache } from './file-cache.ts';
import type { Memory } from './memory.ts';

/** Files up to this size are put into the NAR at once; larger ones are read one after the other. */
const maxAtOnce = 256 * 1024;

export interface Tree {
  readonly path: StorePath;
  /** Relative path in the tree -> absolute file. Without the files that this user may not read. */
  readonly files: ReadonlyMap<string, string>;
}

/**
 * `files`: relative path -> absolute file. Links are read through, the executable bit (the owner's) is kept. The NAR is
 * made only if no earlier run saw the same names, modes and contents. Throws `ChangedMeanwhile`.
 */
export function treeOf(name: string, files: ReadonlyMap<string, string>, cache: FileCache, memory: Memory): Tree {
  const readable = new Map<string, string>();
  let listing = `${name}\n`;
  for (const relative of [...files.keys()].sort()) {
    const file = files.get(relative) ?? '';
    const stat = cache.statUnwatched(file);
    const digest = stat?.kind === 'file' ? cache.hash(file) : null;
    if (stat === null || digest === null) continue;
    readable.set(relative, file);
    listing += `${digest} ${stat.executable ? 'x' : '-'} ${relative}\0`;
  }
  const key = sha256(listing);
  let path = memory.trees.get(key);
  if (path === undefined) {
    path = fixedOutputPath({ name: toStoreName(name), method: 'nar', sha256: narHash(readable, cache) });
    memory.trees.set(key, path);
  }
  return { path, files: readable };
}

interface Folder {
  readonly folders: Map<string, Folder>;
  readonly files: Map<string, string>;
}

function narHash(files: ReadonlyMap<string, string>, cache: FileCache): Sha256 {
  const top: Folder = { folders: new Map(), files: new Map() };
  for (const [relative, file] of files) place(top, relative.split('/'), file);
  const later = new Map<unknown, string>();
  const stream = sha256Stream();
  for (const piece of narPieces(nodeOf(top, cache, later))) {
    if (piece instanceof Uint8Array) stream.update(piece);
    else stream.update(cache.contents(later.get(piece.open) ?? ''));
  }
  return stream.digest();
}

function place(top: Folder, parts: readonly string[], file: string): void {
  let folder = top;
  for (const part of parts.slice(0, -1)) {
    let next = folder.folders.get(part);
    if (next === undefined) {
      next = { folders: new Map(), files: new Map() };
      folder.folders.set(part, next);
    }
    folder = next;
  }
  folder.files.set(parts.at(-1) ?? '', file);
}

function nodeOf(folder: Folder, cache: FileCache, later: Map<unknown, string>): NarNode {
  const entries: { name: string; node: NarNode }[] = [];
  for (const [name, inner] of folder.folders) entries.push({ name, node: nodeOf(inner, cache, later) });
  for (const [name, file] of folder.files) entries.push({ name, node: fileNode(file, cache, later) });
  return { type: 'directory', entries };
}

function fileNode(file: string, cache: FileCache, later: Map<unknown, string>): NarNode {
  const stat = cache.statUnwatched(file);
  if (stat === null) throw new ChangedMeanwhile(file);
  const { size, executable } = stat;
  if (size > maxAtOnce) {
    const open = (): never => {
      throw new Error('read by the caller');
    };
    later.set(open, file);
    return { type: 'regular', executable, size, contents: open };
  }
  const contents = cache.contents(file);
  if (contents.length !== size) throw new ChangedMeanwhile(file);
  return { type: 'regular', executable, size, contents };
}

/** Large files of the host that are known by their contents, which are read only where a stat has changed. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { NarNode } from '../nix/types.ts';

/** A file as the NAR of a toolchain has it: links are followed, so that no name in it leads out of it. */
export interface HostFile {
  /** Relative to the tree's root. */
  readonly name: string;
  readonly real: string;
  readonly size: number;
  readonly executable: boolean;
  /** Changes whenever contents or mode may have changed. */
  readonly stamp: string;
}

/** null: there is no regular file. */
export function hostFile(root: string, name: string): HostFile | null {
  const real = path.join(root, name);
  const stat = fs.statSync(real, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined || !stat.isFile()) return null;
  return {
    name,
    real,
    size: Number(stat.size),
    executable: (stat.mode & 0o100n) !== 0n,
    stamp: `${stat.mtimeNs}.${stat.ctimeNs}.${stat.size}.${stat.ino}.${stat.mode}`,
  };
}

/** All regular files below `root/directory`, links followed; sorted by name. */
export function hostFilesBelow(root: string, directory: string): readonly HostFile[] {
  const names = fs.existsSync(path.join(root, directory))
    ? fs.readdirSync(path.join(root, directory), { recursive: true, encoding: 'utf8' })
    : [];
  return names.sort().flatMap((name) => hostFile(root, path.join(directory, name)) ?? []);
}

/** The tree of these files, contents read when their turn comes. */
export function treeOf(files: readonly HostFile[]): NarNode {
  const root: Folder = new Map();
  for (const file of files) {
    const parts = file.name.split('/');
    const last = parts.pop() ?? '';
    let folder = root;
    for (const part of parts) {
      let next = folder.get(part);
      if (!(next instanceof Map)) {
        next = new Map();
        folder.set(part, next);
      }
      folder = next;
    }
    folder.set(last, file);
  }
  return nodeOf(root);
}

type Folder = Map<string, Folder | HostFile>;

function nodeOf(item: Folder | HostFile): NarNode {
  if (item instanceof Map) {
    return { type: 'directory', entries: [...item].map(([name, inner]) => ({ name, node: nodeOf(inner) })) };
  }
  return { type: 'regular', executable: item.executable, size: item.size, contents: () => chunksOf(item) };
}

/** How much is read between two turns of the event loop, so that Ctrl-C is still heard. */
const turn = 16;
const chunk = 1 << 20;

/** A chunk is good until the next one is asked for. Read in place: a stream costs three times the time of the hash. */
async function* chunksOf({ real, size }: HostFile): AsyncGenerator<Uint8Array, void, undefined> {
  const descriptor = fs.openSync(real, 'r');
  try {
    const buffer = Buffer.allocUnsafe(Math.min(chunk, size + 1));
    for (let count = 1; ; count++) {
      const length = fs.readSync(descriptor, buffer);
      if (length === 0) return;
      yield buffer.subarray(0, length);
      if (count % turn === 0) await nextTurn();
    }
  } finally {
    fs.closeSync(descriptor);
  }
}

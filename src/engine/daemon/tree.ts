/** Sources as the daemon takes them: the tree that a `SourceInput` names, contents read when their turn comes. */
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { writeNar } from '../../nix/nar.ts';
import type { NarNode } from '../../nix/types.ts';

type Folder = Map<string, Folder | string>;

/** Above this size a file is read in pieces. */
const large = 1 << 18;

/** The NAR of chosen files: relative path -> absolute file. Links are read through. Throws the system error. */
export function treeNar(files: ReadonlyMap<string, string>): AsyncIterable<Uint8Array> {
  const root: Folder = new Map();
  for (const [relative, file] of files) {
    const names = relative.split('/');
    const last = names.pop() ?? '';
    let folder = root;
    for (const name of names) {
      const next = folder.get(name) ?? new Map();
      if (typeof next === 'string') throw new Error(`a file and a directory in one tree: ${relative}`);
      folder.set(name, next);
      folder = next;
    }
    folder.set(last, file);
  }
  return writeNar(nodeOf(root));
}

/** The contents of a file. */
export function fileContents(file: string): AsyncIterable<Uint8Array> {
  return createReadStream(file, { highWaterMark: large });
}

function nodeOf(item: Folder | string): NarNode {
  if (typeof item !== 'string') {
    return { type: 'directory', entries: [...item].map(([name, inner]) => ({ name, node: nodeOf(inner) })) };
  }
  const { size, mode } = statSync(item);
  const contents = size > large ? () => fileContents(item) : readFileSync(item);
  return { type: 'regular', executable: (mode & 0o100) !== 0, size, contents };
}

/** Things to put into a store; used by the tests and by their child processes. */
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { sha256 } from '../../src/nix/hash.ts';
import { narHashSync } from '../../src/nix/nar.ts';
import { fixedOutputPath, outputPath, sourcePath, textPath } from '../../src/nix/store-path.ts';
import type { NarNode, StorePath } from '../../src/nix/types.ts';
import type { Lane, Store, StoreSource } from '../../src/store/types.ts';

/** An output path as good as any. */
export function anyOutput(name: string): StorePath {
  return outputPath(sha256(`test ${name}`), 'out', name);
}

export function textSource(name: string, text: string): Extract<StoreSource, { kind: 'text' }> {
  return { kind: 'text', path: textPath(name, text), text };
}

export function fileSource(from: string, contents: string | Uint8Array): Extract<StoreSource, { kind: 'file' }> {
  const digest = sha256(contents);
  return {
    kind: 'file',
    path: fixedOutputPath({ name: 'file', method: 'flat', sha256: digest }),
    from,
    sha256: digest,
  };
}

/** Writes files below `directory` and tells the store path of the tree that they make. */
export function treeSource(
  directory: string,
  contents: Readonly<Record<string, string>>,
): Extract<StoreSource, { kind: 'tree' }> {
  const files = new Map<string, string>();
  const top: Folder = new Map();
  for (const [name, text] of Object.entries(contents)) {
    const file = path.join(directory, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    files.set(name, file);
    let place = top;
    for (const part of name.split('/').slice(0, -1)) {
      const next = place.get(part) ?? new Map();
      place.set(part, next);
      place = next as Folder;
    }
    place.set(path.basename(name), text);
  }
  return { kind: 'tree', path: sourcePath('tree', narHashSync(nodeOf(top))), files };
}

type Folder = Map<string, Folder | string>;

function nodeOf(what: Folder | string): NarNode {
  if (typeof what === 'string') {
    return { type: 'regular', executable: false, size: Buffer.byteLength(what), contents: Buffer.from(what) };
  }
  return { type: 'directory', entries: [...what].map(([name, node]) => ({ name, node: nodeOf(node) })) };
}

/** Builds `path` as an engine would: lock, prepare, fill, commit. */
export async function build(
  store: Store,
  output: StorePath,
  lane: Lane,
  fill: (directory: string) => void,
  candidates: readonly StorePath[] = [],
) {
  const held = await store.lockOutput(output);
  try {
    const handle = await store.prepareOutput(output);
    fill(handle.directory);
    return await store.commitOutput(handle, { lane, candidates, deriver: null });
  } finally {
    held.release();
  }
}

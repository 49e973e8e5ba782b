/** NAR hash, size and references of a tree in one pass, without keeping the event loop from its other work. */
import { readFileSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { sha256Stream } from '../nix/hash.ts';
import { writeNar } from '../nix/nar.ts';
import { scanReferences } from '../nix/references.ts';
import { splitStorePath } from '../nix/store-path.ts';
import type { NarNode, Sha256, StorePath } from '../nix/types.ts';

export interface HashedNar {
  readonly narHash: Sha256;
  readonly narSize: number;
  /** Those of the candidates whose hash part occurs in the NAR, in the candidates' order. */
  readonly references: readonly StorePath[];
}

/** A chunk takes less than a millisecond to hash and to scan: the longest that other work has to wait. */
const CHUNK = 256 * 1024;

/** Hashes a tree's NAR and scans it for the candidates' hash parts. Errors as with `writeNar`. */
export async function hashNar(node: NarNode, candidates: readonly StorePath[] = []): Promise<HashedNar> {
  const hash = sha256Stream();
  const scanner = candidates.length === 0 ? null : scanReferences(candidates.map((path) => splitStorePath(path).hash));
  let narSize = 0;
  let sinceTurn = 0;
  for await (const piece of writeNar(node)) {
    hash.update(piece);
    scanner?.push(piece);
    narSize += piece.length;
    sinceTurn += piece.length;
    if (sinceTurn < CHUNK) continue;
    sinceTurn = 0;
    await nextTurn();
  }
  const references = candidates.filter((path) => scanner?.found.has(splitStorePath(path).hash));
  return { narHash: hash.digest(), narSize, references };
}

/** The contents of a file. A chunk is good until the next one is asked for. */
export async function* readChunks(file: string): AsyncGenerator<Uint8Array, void, undefined> {
  if (statSync(file).size <= CHUNK) {
    yield readFileSync(file);
    return;
  }
  const handle = await open(file, 'r');
  try {
    const buffer = Buffer.allocUnsafe(CHUNK);
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, CHUNK);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

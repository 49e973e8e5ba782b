/** Writes NARs (Nix manual: "Nix Archive (NAR) format"). Reading is in nar-read.ts. */
import { sha256Stream } from './hash.ts';
import { narPieces } from './nar-layout.ts';
import { NarError } from './nar-rules.ts';
import type { NarNode, Sha256 } from './types.ts';

export { narSize } from './nar-layout.ts';
export { NarError, narNameProblem } from './nar-rules.ts';
export type { NarProblem } from './nar-rules.ts';

/**
 * The NAR of a tree, piece by piece. Throws `NarError` for a tree that has none (see `NarProblem`), before the first
 * piece; and when a file yields more or fewer bytes than its `size`, which means that it changed meanwhile.
 */
export async function* writeNar(node: NarNode): AsyncGenerator<Uint8Array, void, undefined> {
  for (const piece of narPieces(node)) {
    if (piece instanceof Uint8Array) yield piece;
    else yield* checkedContents(piece.path, piece.size, piece.open());
  }
}

/** Hash of the NAR. Errors as with `writeNar`. */
export async function narHash(node: NarNode): Promise<Sha256> {
  const stream = sha256Stream();
  for await (const piece of writeNar(node)) stream.update(piece);
  return stream.digest();
}

/** As `narHash`, for a tree whose contents are all in memory. */
export function narHashSync(node: NarNode): Sha256 {
  const stream = sha256Stream();
  for (const piece of inMemory(node)) stream.update(piece);
  return stream.digest();
}

/** The whole NAR of a tree whose contents are all in memory. */
export function narBytes(node: NarNode): Uint8Array {
  return Buffer.concat(inMemory(node));
}

function inMemory(node: NarNode): Uint8Array[] {
  return narPieces(node).map((piece) => {
    if (piece instanceof Uint8Array) return piece;
    throw new Error(`contents of ${JSON.stringify(piece.path)} are a stream; only writeNar and narHash read streams`);
  });
}

async function* checkedContents(path: string, size: number, chunks: AsyncIterable<Uint8Array>) {
  let seen = 0;
  for await (const chunk of chunks) {
    seen += chunk.length;
    if (seen > size) break;
    yield chunk;
  }
  if (seen !== size) throw new NarError({ kind: 'size', path, expected: size, seen });
}

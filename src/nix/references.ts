/** Finds which store paths a stream of bytes mentions, as Nix does: by the 32 digits of their hash alone. */
import { nix32Values } from './nix32.ts';

const hashLength = 32;

export interface ReferenceScanner {
  /** The next bytes of the stream. A hash may begin in one chunk and end in a later one. */
  push(chunk: Uint8Array): void;
  /** The hash parts seen so far. */
  readonly found: ReadonlySet<string>;
}

/** Scans for the hash parts `hashes` of store paths; what is not 32 nix32 digits is never found. */
export function scanReferences(hashes: Iterable<string>): ReferenceScanner {
  const wanted = new Set(hashes);
  const found = new Set<string>();
  const beginnings = beginningsOf(wanted);
  let carried: Buffer = Buffer.alloc(0);

  return {
    found,
    push: (chunk) => {
      if (found.size === wanted.size) return;
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
      const border = Buffer.concat([carried, bytes.subarray(0, hashLength - 1)]);
      search(border, beginnings, wanted, found);
      search(bytes, beginnings, wanted, found);
      const end = bytes.length < hashLength ? border : bytes;
      carried = Buffer.from(end.subarray(Math.max(0, end.length - hashLength + 1)));
    },
  };
}

/**
 * Looks at each window of 32 bytes from its back: a byte that is no digit rules out all windows that hold it. No byte
 * is looked at twice, so a long run of digits (a hex dump) costs no more than other bytes.
 */
function search(bytes: Buffer, beginnings: Uint8Array, wanted: ReadonlySet<string>, found: Set<string>): void {
  const last = bytes.length - hashLength;
  let start = 0;
  /** The bytes from `start` to here are digits. */
  let known = 0;
  while (start <= last) {
    let place = start + hashLength - 1;
    while (place >= known && valueAt(bytes, place) < 32) place--;
    const allDigits = place < known;
    known = start + hashLength;
    if (!allDigits) {
      start = place + 1;
      continue;
    }
    if (beginnings[beginningAt(bytes, start)] === 1) {
      const candidate = bytes.toString('latin1', start, start + hashLength);
      if (wanted.has(candidate)) found.add(candidate);
    }
    start++;
  }
}

/** A table of the first three digits of all wanted hashes: most windows of digits need no look into the set. */
function beginningsOf(hashes: ReadonlySet<string>): Uint8Array {
  const table = new Uint8Array(1 << 15);
  for (const hash of hashes) {
    if (/^[0-9a-df-np-sv-z]{32}$/.test(hash)) table[beginningAt(Buffer.from(hash), 0)] = 1;
  }
  return table;
}

function beginningAt(bytes: Uint8Array, place: number): number {
  return (valueAt(bytes, place) << 10) | (valueAt(bytes, place + 1) << 5) | valueAt(bytes, place + 2);
}

function valueAt(bytes: Uint8Array, place: number): number {
  return nix32Values[bytes[place] ?? 0] ?? 255;
}

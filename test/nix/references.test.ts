import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/nix/hash.ts';
import { scanReferences } from '../../src/nix/references.ts';
import { sourcePath, splitStorePath } from '../../src/nix/store-path.ts';

const hashes = Array.from({ length: 20 }, (_, index) => splitStorePath(sourcePath('x', sha256(`${index}`))).hash);

function scan(bytes: Uint8Array, cuts: readonly number[], wanted: readonly string[] = hashes): string[] {
  const scanner = scanReferences(wanted);
  const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b), bytes.length];
  for (let index = 1; index < places.length; index++) scanner.push(bytes.subarray(places[index - 1], places[index]));
  return [...scanner.found].toSorted();
}

function naive(bytes: Uint8Array, wanted: readonly string[] = hashes): string[] {
  const text = Buffer.from(bytes).toString('latin1');
  return wanted.filter((hash) => text.includes(hash)).toSorted();
}

describe('the scanner', () => {
  const piece = fc.oneof(
    fc.constantFrom(...hashes).map((hash) => Buffer.from(hash)),
    fc.tuple(fc.constantFrom(...hashes), fc.nat(32)).map(([hash, length]) => Buffer.from(hash.slice(length))),
    fc.tuple(fc.constantFrom(...hashes), fc.nat(32)).map(([hash, length]) => Buffer.from(hash.slice(0, length))),
    fc.nat(80).map((length) => Buffer.alloc(length, '0')),
    fc.constantFrom('/nix/store/', '-libc', 'e', '\0').map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 70 }).map((bytes) => Buffer.from(bytes)),
  );

  test('finds what a naive search finds, however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.array(fc.nat(500), { maxLength: 30 }), (pieces, cuts) => {
        const bytes = Buffer.concat(pieces);
        expect(scan(bytes, cuts)).toEqual(naive(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  test('finds a hash at every place of a border between chunks, and in single bytes', () => {
    const bytes = Buffer.from(`xx${hashes[3]}y0${hashes[4]}`);
    const both = [hashes[3]!, hashes[4]!].toSorted();
    for (let cut = 0; cut <= bytes.length; cut++) expect(scan(bytes, [cut])).toEqual(both);
    expect(scan(bytes, [...bytes.keys()])).toEqual(both);
  });

  test('a chunk may be written over after it was pushed', () => {
    const scanner = scanReferences(hashes);
    const buffer = Buffer.from(hashes[0]!.slice(0, 20));
    scanner.push(buffer);
    buffer.fill(0);
    scanner.push(Buffer.from(hashes[0]!.slice(20)));
    expect([...scanner.found]).toEqual([hashes[0]]);
  });

  test('what is not a hash is never found, and without hashes nothing is', () => {
    expect(scan(Buffer.from('e'.repeat(32)), [], ['e'.repeat(32), 'short'])).toEqual([]);
    expect(scan(Buffer.from(hashes[0]!), [], [])).toEqual([]);
  });

  test('reads more than 500 MB a second of what a compiler writes', () => {
    const code = Buffer.alloc(32 << 20);
    for (let at = 0; at < code.length; at += 4) code.writeUInt32LE(Math.imul(at, 2654435761) >>> 0, at);
    const rates = Array.from({ length: 8 }, () => {
      const scanner = scanReferences(hashes);
      const start = process.cpuUsage();
      for (let at = 0; at < code.length; at += 1 << 16) scanner.push(code.subarray(at, at + (1 << 16)));
      return code.length / process.cpuUsage(start).user;
    });
    expect(Math.max(...rates)).toBeGreaterThan(500);
  });
});

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bytesOf,
  compressHash,
  parseSha256,
  sha256,
  sha256Stream,
  sha256ToNix32,
  sha256ToSri,
} from '../../src/nix/hash.ts';
import { decodeNix32, encodeNix32 } from '../../src/nix/nix32.ts';
import { useNix } from './tools.ts';

const nix = useNix();
const samples = Array.from({ length: 40 }, (_, index) => sha256(`sample ${index}`));

describe('nix32', () => {
  test('every byte string comes back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        expect(decodeNix32(encodeNix32(bytes))).toEqual(bytes);
      }),
    );
  });

  test('every text that is accepted is the text of what it decodes to', () => {
    const digits = fc.stringMatching(/^[0-9a-zE-]{0,60}$/);
    fc.assert(
      fc.property(digits, (text) => {
        const bytes = decodeNix32(text);
        expect(bytes === null ? text : encodeNix32(bytes)).toBe(text);
      }),
    );
  });

  test('letters that are no digits, lengths that no bytes have, and bits beyond the last byte are refused', () => {
    expect(decodeNix32('e'.repeat(52))).toBeNull();
    expect(decodeNix32('0'.repeat(51))).toBeNull();
    expect(decodeNix32(`z${'0'.repeat(51)}`)).toBeNull();
    expect(decodeNix32(`1${'0'.repeat(51)}`)).not.toBeNull();
    expect(decodeNix32('')).toEqual(new Uint8Array());
  });
});

describe('sha256', () => {
  test('nix-hash spells it alike in base 32 and back', () => {
    const spelled = nix().lines('nix-hash', ['--type', 'sha256', '--to-base32', ...samples]);
    expect(samples.map(sha256ToNix32)).toEqual(spelled);
    expect(spelled.map(parseSha256)).toEqual(samples);
    expect(nix().lines('nix-hash', ['--type', 'sha256', '--to-base16', ...spelled])).toEqual(samples);
  });

  test('nix spells it alike in SRI form', () => {
    const spelled = nix().lines('nix', ['hash', 'to-sri', '--type', 'sha256', ...samples]);
    expect(samples.map(sha256ToSri)).toEqual(spelled);
    expect(spelled.map(parseSha256)).toEqual(samples);
  });

  test('of a flat file, and folded to 20 bytes, as nix-hash gives it', () => {
    const file = nix().file('flat', 'some text, 日本');
    const whole = nix().lines('nix-hash', ['--type', 'sha256', '--flat', file]);
    const folded = nix().lines('nix-hash', ['--type', 'sha256', '--flat', '--truncate', '--base32', file]);
    const digest = sha256('some text, 日本');
    expect([digest]).toEqual(whole);
    expect([encodeNix32(compressHash(bytesOf(digest)))]).toEqual(folded);
  });

  test('any other spelling is refused', () => {
    const digest = samples[0]!;
    expect(parseSha256(digest.toUpperCase())).toBe(digest);
    expect(parseSha256(`sha256:${digest}`)).toBe(digest);
    for (const text of [
      '',
      'sha256-',
      digest.slice(1),
      `${digest}0`,
      sha256ToSri(digest).slice(0, -1),
      `sha512:${digest}`,
    ]) {
      expect(parseSha256(text), text).toBeNull();
    }
  });

  test('a stream gives the hash of its pieces together', () => {
    const stream = sha256Stream();
    stream.update('some text, ');
    stream.update(Buffer.from('日本'));
    expect(stream.digest()).toBe(sha256('some text, 日本'));
  });
});

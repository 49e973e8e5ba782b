/** sha256 in the spellings that Nix reads and writes. */
import { createHash, hash } from 'node:crypto';
import { decodeNix32, encodeNix32 } from './nix32.ts';
import type { Sha256 } from './types.ts';

/** Hash of bytes, or of a text's UTF-8. */
export function sha256(data: string | Uint8Array): Sha256 {
  return hash('sha256', data, 'hex') as Sha256;
}

/** A hash to which data is added piece by piece. */
export interface Sha256Stream {
  update(data: string | Uint8Array): void;
  /** Ends the stream. */
  digest(): Sha256;
}

export function sha256Stream(): Sha256Stream {
  const inner = createHash('sha256');
  return {
    update: (data) => {
      inner.update(data);
    },
    digest: () => inner.digest('hex') as Sha256,
  };
}

/** Folds a hash to `size` bytes by XOR (Nix: `compressHash`); store paths take 20. */
export function compressHash(digest: Uint8Array, size = 20): Uint8Array {
  const folded = new Uint8Array(size);
  for (let index = 0; index < digest.length; index++) {
    const place = index % size;
    folded[place] = (folded[place] ?? 0) ^ (digest[index] ?? 0);
  }
  return folded;
}

/** 52 digits of nix32. */
export function sha256ToNix32(digest: Sha256): string {
  return encodeNix32(bytesOf(digest));
}

/** `sha256-<base64>`, as in Subresource Integrity. */
export function sha256ToSri(digest: Sha256): string {
  return `sha256-${Buffer.from(digest, 'hex').toString('base64')}`;
}

/** Raw bytes -> the branded hex form; null if there are not 32. */
export function sha256FromBytes(bytes: Uint8Array): Sha256 | null {
  return bytes.length === 32 ? (Buffer.from(bytes).toString('hex') as Sha256) : null;
}

/** The 32 bytes of a hash. */
export function bytesOf(digest: Sha256): Uint8Array {
  return Buffer.from(digest, 'hex');
}

/**
 * Reads a sha256 in any form that Nix accepts: hex, nix32 or base64, bare or after `sha256:`; or `sha256-<base64>`.
 * null: none of these.
 */
export function parseSha256(text: string): Sha256 | null {
  if (text.startsWith('sha256-')) return fromBase64(text.slice(7));
  const digits = text.startsWith('sha256:') ? text.slice(7) : text;
  if (digits.length === 64) return /^[0-9a-fA-F]{64}$/.test(digits) ? (digits.toLowerCase() as Sha256) : null;
  if (digits.length === 44) return fromBase64(digits);
  const bytes = digits.length === 52 ? decodeNix32(digits) : null;
  return bytes === null ? null : sha256FromBytes(bytes);
}

function fromBase64(text: string): Sha256 | null {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? sha256FromBytes(bytes) : null;
}

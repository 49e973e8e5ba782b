/** Nix's base 32: least significant digit last, letters `e`, `o`, `u`, `t` left out. */

export const nix32Alphabet = '0123456789abcdfghijklmnpqrsvwxyz';

/** Value of a character code in nix32; 255: no digit. Never written to. */
export const nix32Values: Readonly<Uint8Array> = valuesOf(nix32Alphabet);

/** Number of digits for `size` bytes. */
function lengthOf(size: number): number {
  return Math.ceil((size * 8) / 5);
}

/** Bytes -> nix32 text, as `nix-hash --to-base32` prints it. */
export function encodeNix32(bytes: Uint8Array): string {
  let text = '';
  for (let digit = lengthOf(bytes.length) - 1; digit >= 0; digit--) {
    const index = (digit * 5) >> 3;
    const shift = (digit * 5) & 7;
    const pair = (bytes[index] ?? 0) | ((bytes[index + 1] ?? 0) << 8);
    text += nix32Alphabet.charAt((pair >> shift) & 31);
  }
  return text;
}

/** Nix32 text -> bytes; null if it holds another character, or no number of bytes has this text. */
export function decodeNix32(text: string): Uint8Array | null {
  const size = Math.floor((text.length * 5) / 8);
  if (lengthOf(size) !== text.length) return null;
  const bytes = new Uint8Array(size);
  for (let digit = 0; digit < text.length; digit++) {
    const value = nix32Values[text.charCodeAt(text.length - 1 - digit)] ?? 255;
    if (value === 255) return null;
    const index = (digit * 5) >> 3;
    const shifted = value << ((digit * 5) & 7);
    bytes[index] = (bytes[index] ?? 0) | (shifted & 255);
    const carry = shifted >> 8;
    if (carry === 0) continue;
    if (index + 1 >= size) return null;
    bytes[index + 1] = carry;
  }
  return bytes;
}

function valuesOf(alphabet: string): Uint8Array {
  const values = new Uint8Array(256).fill(255);
  for (let value = 0; value < alphabet.length; value++) values[alphabet.charCodeAt(value)] = value;
  return values;
}

/** Rust's tokens, as far as it takes to find words outside of comments, strings and characters. */

/** What a token is. Lifetimes, byte strings, C strings and characters are `other`: nobody here asks for their text. */
export const tokenKind = { word: 1, text: 2, mark: 3, other: 4, number: 5, rawWord: 6 } as const;

/**
 * Tokens as columns: kind and the bytes from `starts[i]` to `ends[i]`. Comments and blanks are not tokens.
 * The columns are shared: they hold until the next text is tokenized.
 */
export interface Tokens {
  readonly bytes: Buffer;
  readonly count: number;
  readonly kinds: Uint8Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

const newline = 0x0a;
const quote = 0x22;
const hashMark = 0x23;
const apostrophe = 0x27;
const asterisk = 0x2a;
const slash = 0x2f;
const backslash = 0x5c;
const letterR = 0x72;

/** 1: may begin a word, 2: digit (may go on a word), 3: blank. Bytes of multi-byte characters count as letters. */
const byteClass = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  const letter = (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte === 0x5f || byte >= 0x80;
  if (letter) byteClass[byte] = 1;
  else if (byte >= 0x30 && byte <= 0x39) byteClass[byte] = 2;
  else if (byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)) byteClass[byte] = 3;
}

/** Columns for all texts: as long as the longest so far needed. */
let kinds = new Uint8Array(1 << 16);
let starts = new Int32Array(1 << 16);
let ends = new Int32Array(1 << 16);

/**
 * Splits Rust source text (UTF-8) into tokens by the lexical structure of the Rust reference ("Tokens", "Comments").
 * Never fails: an unterminated literal or comment ends with the text.
 */
export function tokenize(bytes: Buffer): Tokens {
  return new Lexer(bytes).run();
}

class Lexer {
  readonly #bytes: Buffer;
  #count = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  run(): Tokens {
    const bytes = this.#bytes;
    const length = bytes.length;
    let at = afterPreamble(bytes);
    while (at < length) {
      const byte = bytes[at] ?? 0;
      const kind = byteClass[byte] ?? 0;
      if (kind === 3) at++;
      else if (kind === 1) at = this.#word(at);
      else if (kind === 2) at = this.#push(tokenKind.number, at, wordEnd(bytes, at));
      else if (byte === slash && bytes[at + 1] === slash) at = lineEnd(bytes, at);
      else if (byte === slash && bytes[at + 1] === asterisk) at = commentEnd(bytes, at);
      else if (byte === quote) at = this.#push(tokenKind.text, at, stringEnd(bytes, at + 1));
      else if (byte === apostrophe) at = this.#push(tokenKind.other, at, apostropheEnd(bytes, at));
      else at = this.#push(tokenKind.mark, at, at + 1);
    }
    return { bytes, count: this.#count, kinds, starts, ends };
  }

  /** A word, or the prefix of a literal: `r"…"`, `r#"…"#`, `b"…"`, `br"…"`, `c"…"`, `cr"…"`, `b'…'`, `r#word`. */
  #word(at: number): number {
    const bytes = this.#bytes;
    const end = wordEnd(bytes, at);
    const next = bytes[end];
    if (end - at > 2 || (next !== quote && next !== hashMark && next !== apostrophe)) {
      return this.#push(tokenKind.word, at, end);
    }
    const prefix = bytes.toString('latin1', at, end);
    if (next === apostrophe) {
      if (prefix !== 'b') return this.#push(tokenKind.word, at, end);
      return this.#push(tokenKind.other, at, apostropheEnd(bytes, end));
    }
    if (!/^(?:b|c|r|br|cr)$/.test(prefix)) return this.#push(tokenKind.word, at, end);
    if (bytes[end - 1] !== letterR) {
      return next === quote
        ? this.#push(tokenKind.other, at, stringEnd(bytes, end + 1))
        : this.#push(tokenKind.word, at, end);
    }
    let hashes = 0;
    while (bytes[end + hashes] === hashMark) hashes++;
    if (bytes[end + hashes] === quote) {
      const kind = prefix === 'r' ? tokenKind.text : tokenKind.other;
      return this.#push(kind, at, rawStringEnd(bytes, end + hashes + 1, hashes));
    }
    if (prefix === 'r' && hashes === 1 && byteClass[bytes[end + 1] ?? 0] === 1) {
      return this.#push(tokenKind.rawWord, end + 1, wordEnd(bytes, end + 1));
    }
    return this.#push(tokenKind.word, at, end);
  }

  #push(kind: number, start: number, end: number): number {
    const at = this.#count;
    if (at === kinds.length) grow();
    kinds[at] = kind;
    starts[at] = start;
    ends[at] = end;
    this.#count = at + 1;
    return end;
  }
}

function grow(): void {
  const size = kinds.length * 2;
  const before = [kinds, starts, ends] as const;
  kinds = new Uint8Array(size);
  starts = new Int32Array(size);
  ends = new Int32Array(size);
  kinds.set(before[0]);
  starts.set(before[1]);
  ends.set(before[2]);
}

/** Where the program begins: after a byte order mark, a `#!` line that is no attribute, and a `---` front matter. */
function afterPreamble(bytes: Buffer): number {
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  if (bytes[at] === hashMark && bytes[at + 1] === 0x21) {
    const rest = bytes.toString('latin1', at + 2, Math.min(bytes.length, at + 4096));
    if (!/^(?:\s|\/\/[^\n]*\n|\/\*(?:[^*]|\*(?!\/))*\*\/)*\[/.test(rest)) at = lineEnd(bytes, at);
  }
  let first = at;
  while (byteClass[bytes[first] ?? 0] === 3) first++;
  if (bytes[first] !== 0x2d) return at;
  const text = bytes.toString('latin1', first, bytes.length);
  const fence = /^-{3,}/.exec(text)?.[0];
  const close = fence === undefined ? -1 : text.indexOf(`\n${fence}`);
  return close < 0 ? at : lineEnd(bytes, first + close + 1);
}

function wordEnd(bytes: Buffer, from: number): number {
  let at = from + 1;
  while (at < bytes.length) {
    const kind = byteClass[bytes[at] ?? 0];
    if (kind !== 1 && kind !== 2) break;
    at++;
  }
  return at;
}

function lineEnd(bytes: Buffer, from: number): number {
  const end = bytes.indexOf(newline, from);
  return end < 0 ? bytes.length : end;
}

/** Block comments nest. */
function commentEnd(bytes: Buffer, from: number): number {
  let depth = 1;
  let at = from + 2;
  while (at < bytes.length) {
    const byte = bytes[at];
    if (byte === asterisk && bytes[at + 1] === slash) {
      at += 2;
      if (--depth === 0) return at;
    } else if (byte === slash && bytes[at + 1] === asterisk) {
      at += 2;
      depth++;
    } else at++;
  }
  return bytes.length;
}

function stringEnd(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length) {
    const byte = bytes[at];
    if (byte === backslash) at += 2;
    else if (byte === quote) return at + 1;
    else at++;
  }
  return bytes.length;
}

function rawStringEnd(bytes: Buffer, from: number, hashes: number): number {
  let at = bytes.indexOf(quote, from);
  while (at >= 0) {
    let seen = 0;
    while (seen < hashes && bytes[at + 1 + seen] === hashMark) seen++;
    if (seen === hashes) return at + 1 + hashes;
    at = bytes.indexOf(quote, at + 1);
  }
  return bytes.length;
}

/** A character (`'x'`, `'\''`, `'é'`) or a lifetime (`'a`, `'r#a`): it is a character if a quote follows the first one. */
function apostropheEnd(bytes: Buffer, at: number): number {
  const first = bytes[at + 1] ?? 0;
  if (first === backslash) {
    let end = at + 3;
    while (end < bytes.length && bytes[end] !== apostrophe && bytes[end] !== newline) end++;
    return end + 1;
  }
  const width = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (bytes[at + 1 + width] === apostrophe) return at + 2 + width;
  if (byteClass[first] !== 1) return at + 1;
  const end = wordEnd(bytes, at + 1);
  const raw = end === at + 2 && first === letterR && bytes[end] === hashMark && byteClass[bytes[end + 1] ?? 0] === 1;
  return raw ? wordEnd(bytes, end + 1) : end;
}

/**
 * The value of a `text` token: escapes of an ordinary string are resolved, a raw string's contents taken as they are.
 * Source of the escapes: Rust reference, "String literals" and "String continuation escapes".
 */
export function textValue(tokens: Tokens, index: number): string {
  const start = tokens.starts[index] ?? 0;
  const source = tokens.bytes.toString('utf8', start, tokens.ends[index]);
  if (source.startsWith('r')) {
    const hashes = source.indexOf('"') - 1;
    return source.slice(hashes + 2, source.length - 1 - hashes);
  }
  const inner = source.slice(1, -1).replaceAll('\r\n', '\n');
  if (!inner.includes('\\')) return inner;
  return inner.replace(/\\(?:\n\s*|x([0-9a-fA-F]{2})|u\{([0-9a-fA-F_]+)\}|(.))/gs, (_, hex, unicode, plain) => {
    const digits: unknown = hex ?? unicode;
    if (typeof digits === 'string') {
      const point = Number.parseInt(digits.replaceAll('_', ''), 16);
      return point <= 0x10ffff ? String.fromCodePoint(point) : '';
    }
    const plainEscapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '0': '\0' };
    return typeof plain === 'string' ? (plainEscapes[plain] ?? plain) : '';
  });
}

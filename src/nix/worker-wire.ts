/** What all of the daemon's worker protocol is made of (Nix manual: "Nix daemon protocol"): 64-bit numbers and padded bytes. */
import { ByteWriter } from './byte-writer.ts';

/** Longest text that is taken from a daemon: more is no answer to anything that is asked here. */
const longestText = 1 << 28;

/** Writes requests. What `take` gives is the caller's. */
export class WireWriter {
  #bytes = new ByteWriter(1 << 12);

  number(value: number): this {
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeBigUInt64LE(BigInt(value));
    this.#bytes.bytes(bytes);
    return this;
  }

  bool(value: boolean): this {
    return this.number(value ? 1 : 0);
  }

  text(text: string): this {
    return this.blob(Buffer.from(text));
  }

  blob(bytes: Uint8Array): this {
    this.number(bytes.length);
    this.#bytes.bytes(bytes).bytes(new Uint8Array((8 - (bytes.length % 8)) % 8));
    return this;
  }

  texts(texts: readonly string[]): this {
    this.number(texts.length);
    for (const text of texts) this.text(text);
    return this;
  }

  pairs(pairs: Readonly<Record<string, string>>): this {
    const entries = Object.entries(pairs);
    this.number(entries.length);
    for (const [name, value] of entries) this.text(name).text(value);
    return this;
  }

  /** A piece of a framed stream: length and bytes, without padding. */
  frame(bytes: Uint8Array): this {
    this.number(bytes.length);
    this.#bytes.bytes(bytes);
    return this;
  }

  /** What was written since the last call. */
  take(): Buffer {
    const bytes = this.#bytes.view();
    this.#bytes = new ByteWriter(1 << 12);
    return bytes;
  }
}

/** Reads a value: yields how many bytes it needs next and is resumed with just these. Throws `WireError`. */
export type Decode<Value> = Generator<number, Value, Buffer>;

/** Bytes that are not in the protocol. */
export class WireError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'WireError';
  }
}

export function* readNumber(): Decode<number> {
  const value = (yield 8).readBigUInt64LE();
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new WireError(`a number too large to mean anything: ${value}`);
  return Number(value);
}

export function* readBool(): Decode<boolean> {
  return (yield* readNumber()) !== 0;
}

export function* readText(): Decode<string> {
  const length = yield* readNumber();
  if (length > longestText) throw new WireError(`a text of ${length} bytes`);
  if (length === 0) return '';
  const bytes = yield Math.ceil(length / 8) * 8;
  return bytes.toString('utf8', 0, length);
}

export function* readTexts(): Decode<string[]> {
  return yield* readList(readText);
}

export function* readList<Item>(item: () => Decode<Item>): Decode<Item[]> {
  const count = yield* readNumber();
  const items: Item[] = [];
  for (let index = 0; index < count; index++) items.push(yield* item());
  return items;
}

export function* readNothing(): Decode<void> {}

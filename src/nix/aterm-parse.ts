/** Reads the ATerm of a derivation. */
import { malformed, parsed } from './outcome.ts';
import type { Parsed } from './outcome.ts';
import { parseDrvPath, parseStorePath } from './store-path.ts';
import type { Derivation, DerivationOutput, DrvPath, StorePath } from './types.ts';

const unescapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/** Where reading stopped. Thrown inside this file only. */
class Stop extends Error {
  readonly position: number;
  constructor(position: number, message: string) {
    super(message);
    this.position = position;
  }
}

/**
 * ATerm -> derivation. Not in the format, a name twice, a path that is no store path, or a kind of derivation that
 * drydock does not know (content-addressed outputs without a path, dynamic inputs): an error with its position.
 */
export function parseDerivation(text: string): Parsed<Derivation> {
  const reader = new Reader(text);
  try {
    return parsed(reader.derivation());
  } catch (error) {
    if (error instanceof Stop) return malformed(error.position, error.message);
    throw error;
  }
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  derivation(): Derivation {
    if (this.#text.startsWith('DrvWithVersion(')) this.#stop('a versioned derivation is not supported');
    this.#expect('Derive(');
    const outputs = this.#record('output', () => this.#output());
    this.#expect(',');
    const inputDrvs = this.#record('input derivation', () => this.#input());
    this.#expect(',');
    const inputSrcs = this.#list(() => this.#storePath());
    this.#expect(',');
    const system = this.#string();
    this.#expect(',');
    const builder = this.#string();
    this.#expect(',');
    const args = this.#list(() => this.#string());
    this.#expect(',');
    const env = this.#record('variable', () => this.#variable());
    this.#expect(')');
    if (this.#at < this.#text.length) this.#stop('text after the end of the derivation');
    return { outputs, inputDrvs, inputSrcs, system, builder, args, env };
  }

  #output(): [string, DerivationOutput] {
    const name = this.#string();
    this.#expect(',');
    const path = this.#storePath();
    this.#expect(',');
    const hashAlgo = this.#string();
    this.#expect(',');
    return [name, { path, hashAlgo, hash: this.#string() }];
  }

  #input(): [DrvPath, string[]] {
    const start = this.#at;
    const path = parseDrvPath(this.#string());
    if (path === null) this.#stop('expected the store path of a derivation', start);
    this.#expect(',');
    return [path, this.#list(() => this.#string())];
  }

  #variable(): [string, string] {
    const name = this.#string();
    this.#expect(',');
    return [name, this.#string()];
  }

  #storePath(): StorePath {
    const start = this.#at;
    return parseStorePath(this.#string()) ?? this.#stop('expected a store path', start);
  }

  /** A list of tuples, each a name and a value. The record has no prototype, so that every name is an ordinary one. */
  #record<K extends string, V>(kind: string, read: () => [K, V]): Record<K, V> {
    const record = Object.create(null) as Record<K, V>;
    this.#list(() => {
      const start = this.#at;
      this.#expect('(');
      const [name, value] = read();
      this.#expect(')');
      if (name in record) this.#stop(`${kind} ${JSON.stringify(name)} occurs twice`, start);
      record[name] = value;
    });
    return record;
  }

  #list<T>(read: () => T): T[] {
    const items: T[] = [];
    this.#expect('[');
    while (this.#text[this.#at] !== ']') {
      if (items.length > 0) this.#expect(',');
      items.push(read());
    }
    this.#at++;
    return items;
  }

  #string(): string {
    const start = this.#at;
    this.#expect('"');
    let value = '';
    let from = this.#at;
    for (;;) {
      const character = this.#text[this.#at];
      if (character === undefined) this.#stop('a string does not end', start);
      if (character !== '"' && character !== '\\') {
        this.#at++;
        continue;
      }
      value += this.#text.slice(from, this.#at);
      this.#at++;
      if (character === '"') return value;
      const escaped = this.#text[this.#at];
      if (escaped === undefined) this.#stop('a string does not end', start);
      value += unescapes[escaped] ?? escaped;
      this.#at++;
      from = this.#at;
    }
  }

  #expect(token: string): void {
    if (!this.#text.startsWith(token, this.#at)) this.#stop(`expected ${JSON.stringify(token)}`);
    this.#at += token.length;
  }

  #stop(message: string, position = this.#at): never {
    throw new Stop(position, message);
  }
}

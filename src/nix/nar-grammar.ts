/** The grammar of a NAR over bytes that come piece by piece. */
import { childPath, narNameProblem, narTargetProblem } from './nar-rules.ts';
import { compareBytes } from './order.ts';

/** What a NAR says, in its order. `path`: in the tree, names joined by `/`; the root is the empty string. */
export type NarEvent =
  | { readonly type: 'directory'; readonly path: string }
  | { readonly type: 'end-directory'; readonly path: string }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string }
  /** Followed by `contents` events whose bytes are `size` together. */
  | { readonly type: 'regular'; readonly path: string; readonly executable: boolean; readonly size: number }
  | { readonly type: 'contents'; readonly path: string; readonly bytes: Uint8Array };

/** The last event of every reading. */
export type NarEnd =
  | { readonly type: 'end' }
  /** `notUtf8`: it may well be an archive, and has a name or target that no text can hold. */
  | {
      readonly type: 'malformed';
      readonly position: number;
      readonly message: string;
      readonly notUtf8: NotUtf8 | null;
    };

/** `path`: as near to it as a text can be. */
export interface NotUtf8 {
  readonly what: 'name' | 'target';
  readonly path: string;
}

/** More bytes are needed, or the word that there are none. */
type More = 'more';

/** Longer names and targets cannot be in a file system of Linux. */
const maxText = 4096;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes that have come and were not yet read. */
export class ByteQueue {
  /** Offset of the next byte in the whole stream. */
  position = 0;
  /** No more bytes will come. */
  closed = false;
  #chunks: Uint8Array[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#size += chunk.length;
  }

  /** Between 1 and `limit` bytes that lie together; the queue must not be empty. */
  takeSome(limit: number): Uint8Array {
    const chunk = this.#chunks[0];
    if (chunk === undefined) throw new Error('the queue is empty');
    const taken = chunk.subarray(0, limit);
    if (taken.length === chunk.length) this.#chunks.shift();
    else this.#chunks[0] = chunk.subarray(taken.length);
    this.#size -= taken.length;
    this.position += taken.length;
    return taken;
  }

  /** Exactly `count` bytes, of which there must be enough. */
  take(count: number): Buffer {
    const parts: Uint8Array[] = [];
    for (let left = count; left > 0; ) {
      const part = this.takeSome(left);
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts);
  }
}

/** Where and why reading stopped. Thrown and caught inside this file. */
class Stop extends Error {
  readonly position: number;
  readonly notUtf8: NotUtf8 | null;
  constructor(position: number, message: string, notUtf8: NotUtf8 | null = null) {
    super(message);
    this.position = position;
    this.notUtf8 = notUtf8;
  }
}

/** Reads one NAR from the queue; yields `more` when the queue must grow or be closed before it goes on. */
export function* readEvents(queue: ByteQueue): Generator<NarEvent | NarEnd | More, void, undefined> {
  try {
    yield* archive(queue);
    while (queue.size === 0 && !queue.closed) yield 'more';
    if (queue.size > 0) throw new Stop(queue.position, 'there are bytes after the end of the archive');
    yield { type: 'end' };
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    const { position, message, notUtf8 } = error;
    yield { type: 'malformed', position, message, notUtf8 };
  }
}

type Reading<T> = Generator<NarEvent | More, T, undefined>;

/** Not recursive: an archive may be nested deeper than the stack is. */
function* archive(queue: ByteQueue): Reading<void> {
  const open: OpenDirectory[] = [];
  yield* expect(queue, 'nix-archive-1');
  let path: string | null = '';
  while (path !== null) {
    const opened: boolean = yield* node(queue, path);
    if (opened) open.push({ path, last: null });
    path = yield* nextEntry(queue, open, opened);
  }
}

/** Goes on after a node: closes what ends there. The path of the next node; null: the root has ended. */
function* nextEntry(queue: ByteQueue, open: OpenDirectory[], opened: boolean): Reading<string | null> {
  let inside = opened;
  for (let directory = open.at(-1); directory !== undefined; directory = open.at(-1)) {
    if (!inside) yield* expect(queue, ')');
    inside = false;
    const start = queue.position;
    const word = yield* text(queue);
    if (word === 'entry') {
      const name = yield* entryName(queue, directory);
      directory.last = name;
      return childPath(directory.path, name);
    }
    if (word !== ')') throw new Stop(start, 'expected an entry or the end of a directory');
    open.pop();
    yield { type: 'end-directory', path: directory.path };
  }
  return null;
}

interface OpenDirectory {
  readonly path: string;
  last: string | null;
}

function* entryName(queue: ByteQueue, { path, last }: OpenDirectory): Reading<string> {
  yield* expect(queue, '(');
  yield* expect(queue, 'name');
  const start = queue.position;
  const name = yield* text(queue, (near) => ({ what: 'name', path: childPath(path, near) }));
  if (narNameProblem(name) !== null) throw new Stop(start, `${JSON.stringify(name)} cannot be the name of an entry`);
  if (last !== null && compareBytes(last, name) >= 0) {
    throw new Stop(start, `the entries are not sorted: ${JSON.stringify(name)} after ${JSON.stringify(last)}`);
  }
  yield* expect(queue, 'node');
  return name;
}

/** Reads a file or symlink whole, or the beginning of a directory (then the answer is true). */
function* node(queue: ByteQueue, path: string): Reading<boolean> {
  yield* expect(queue, '(');
  yield* expect(queue, 'type');
  const start = queue.position;
  const type = yield* text(queue);
  if (type === 'directory') {
    yield { type, path };
    return true;
  }
  if (type === 'regular') yield* regular(queue, path);
  else if (type === 'symlink') yield* symlink(queue, path);
  else throw new Stop(start, `unknown type of file ${JSON.stringify(type)}`);
  yield* expect(queue, ')');
  return false;
}

function* symlink(queue: ByteQueue, path: string): Reading<void> {
  yield* expect(queue, 'target');
  const start = queue.position;
  const target = yield* text(queue, () => ({ what: 'target', path }));
  if (narTargetProblem(target) !== null) throw new Stop(start, 'not the target of a symlink');
  yield { type: 'symlink', path, target };
}

function* regular(queue: ByteQueue, path: string): Reading<void> {
  const start = queue.position;
  const word = yield* text(queue);
  const executable = word === 'executable';
  if (executable) {
    yield* expect(queue, '');
    yield* expect(queue, 'contents');
  } else if (word !== 'contents') {
    throw new Stop(start, 'expected the contents of a file');
  }
  const size = yield* length(queue, Number.MAX_SAFE_INTEGER);
  yield { type: 'regular', path, executable, size };
  for (let left = size; left > 0; ) {
    yield* need(queue, 1);
    const bytes = queue.takeSome(left);
    left -= bytes.length;
    yield { type: 'contents', path, bytes };
  }
  yield* padding(queue, size);
}

function* expect(queue: ByteQueue, word: string): Reading<void> {
  const start = queue.position;
  if ((yield* text(queue)) !== word) throw new Stop(start, `expected ${JSON.stringify(word)}`);
}

/** `told`: what a text that is not UTF-8 is, given the nearest to it. */
function* text(queue: ByteQueue, told?: (near: string) => NotUtf8): Reading<string> {
  const start = queue.position;
  const size = yield* length(queue, maxText);
  yield* need(queue, size);
  const bytes = queue.take(size);
  yield* padding(queue, size);
  try {
    return decoder.decode(bytes);
  } catch {
    const message = 'a name or target that is not UTF-8 is not supported';
    throw new Stop(start, message, told?.(bytes.toString()) ?? null);
  }
}

function* length(queue: ByteQueue, limit: number): Reading<number> {
  const start = queue.position;
  yield* need(queue, 8);
  const size = queue.take(8).readBigUInt64LE();
  if (size > BigInt(limit)) throw new Stop(start, `a length of ${size} is too much here`);
  return Number(size);
}

function* padding(queue: ByteQueue, size: number): Reading<void> {
  const count = (8 - (size % 8)) % 8;
  yield* need(queue, count);
  const start = queue.position;
  if (queue.take(count).some((byte) => byte !== 0)) throw new Stop(start, 'the padding is not zero');
}

function* need(queue: ByteQueue, count: number): Reading<void> {
  while (queue.size < count) {
    if (queue.closed) throw new Stop(queue.position + queue.size, 'the archive ends early');
    yield 'more';
  }
}

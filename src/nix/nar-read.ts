/** Reads NARs, as a stream of events or into a tree. Accepts what the writer makes, nothing else: one NAR per tree. */
import { ByteQueue, readEvents } from './nar-grammar.ts';
import type { NarEnd, NarEvent } from './nar-grammar.ts';
import { malformed, parsed } from './outcome.ts';
import type { Parsed } from './outcome.ts';
import type { NarNode } from './types.ts';

export type { NarEnd, NarEvent } from './nar-grammar.ts';

/**
 * Reads a stream. The last event is `end`, or `malformed` where the bytes are no NAR (also when they stop early or go
 * on after its end): what came before a `malformed` is not to be used. Reads no further than events are taken.
 * `contents` events share memory with the stream's chunks.
 */
export async function* readNar(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<NarEvent | NarEnd, void, undefined> {
  const queue = new ByteQueue();
  const events = readEvents(queue);
  const source = chunks[Symbol.asyncIterator]();
  try {
    for (const event of events) {
      if (event !== 'more') {
        yield event;
        continue;
      }
      const next = await source.next();
      if (next.done === true) queue.closed = true;
      else queue.push(next.value);
    }
  } finally {
    await source.return?.();
  }
}

/** Reads a NAR into a tree whose contents share memory with `bytes`. */
export function parseNar(bytes: Uint8Array): Parsed<NarNode> {
  const queue = new ByteQueue();
  queue.push(bytes);
  queue.closed = true;
  const tree = new NarTree();
  for (const event of readEvents(queue)) {
    if (event === 'more') continue;
    if (event.type === 'malformed') return malformed(event.position, event.message);
    if (event.type !== 'end') tree.add(event);
  }
  return parsed(tree.root());
}

type Entries = { readonly name: string; readonly node: NarNode }[];

/** Puts a tree together from the events of a reading. */
export class NarTree {
  #root: NarNode | null = null;
  readonly #open: Entries[] = [];
  #file: { readonly executable: boolean; readonly size: number; readonly parts: Uint8Array[]; left: number } | null =
    null;

  add(event: NarEvent): void {
    switch (event.type) {
      case 'directory': {
        const entries: Entries = [];
        this.#place(event.path, { type: 'directory', entries });
        this.#open.push(entries);
        return;
      }
      case 'end-directory':
        this.#open.pop();
        return;
      case 'symlink':
        return this.#place(event.path, { type: 'symlink', target: event.target });
      case 'regular':
        this.#file = { executable: event.executable, size: event.size, parts: [], left: event.size };
        return this.#endFile(event.path);
      case 'contents':
        if (this.#file === null) throw new Error('contents without a file');
        this.#file.parts.push(event.bytes);
        this.#file.left -= event.bytes.length;
        return this.#endFile(event.path);
    }
  }

  /** The tree, after the event `end`. */
  root(): NarNode {
    if (this.#root === null) throw new Error('the archive has not ended');
    return this.#root;
  }

  #endFile(path: string): void {
    if (this.#file === null || this.#file.left > 0) return;
    const { executable, size, parts } = this.#file;
    const [first] = parts;
    const contents = first !== undefined && parts.length === 1 ? first : Buffer.concat(parts);
    this.#place(path, { type: 'regular', executable, size, contents });
    this.#file = null;
  }

  #place(path: string, node: NarNode): void {
    const entries = this.#open.at(-1);
    if (entries === undefined) this.#root = node;
    else entries.push({ name: path.slice(path.lastIndexOf('/') + 1), node });
  }
}

/** A NAR as it comes, written to the disk. */
import { closeSync, mkdirSync, openSync, symlinkSync, writeSync } from 'node:fs';
import * as path from 'node:path';
import { ByteQueue, type NarEnd, type NarEvent, type NotUtf8, readEvents } from '../../nix/nar-grammar.ts';

/**
 * `send` hands the archive out piece by piece; `to` must not exist. Rejects when the bytes are no NAR. Answers what kept
 * it from being written: a name that is not UTF-8; null: all is there.
 */
export async function unpackNar(
  send: (onPiece: (piece: Uint8Array) => void) => Promise<void>,
  to: string,
): Promise<NotUtf8 | null> {
  const queue = new ByteQueue();
  const events = readEvents(queue);
  const tree = new TreeWriter(to);
  let notUtf8: NotUtf8 | null = null;
  const advance = () => {
    for (let next = events.next(); next.done !== true && next.value !== 'more'; next = events.next()) {
      if (next.value.type === 'malformed') ({ notUtf8 } = next.value);
      if (notUtf8 === null) tree.add(next.value);
    }
  };
  try {
    advance();
    await send((piece) => {
      if (notUtf8 !== null) return;
      queue.push(piece);
      advance();
    });
    queue.closed = true;
    advance();
    return notUtf8;
  } finally {
    tree.close();
  }
}

class TreeWriter {
  readonly #root: string;
  #open: number | null = null;

  constructor(root: string) {
    this.#root = root;
  }

  add(event: NarEvent | NarEnd): void {
    switch (event.type) {
      case 'directory':
        mkdirSync(this.#at(event.path));
        return;
      case 'symlink':
        return symlinkSync(event.target, this.#at(event.path));
      case 'regular':
        this.close();
        this.#open = openSync(this.#at(event.path), 'wx', event.executable ? 0o755 : 0o644);
        return;
      case 'contents':
        for (let offset = 0; offset < event.bytes.length; ) {
          offset += writeSync(this.#open ?? -1, event.bytes, offset);
        }
        return;
      case 'malformed':
        throw new Error(`the daemon has sent no NAR: ${event.message}`);
      case 'end-directory':
      case 'end':
        return;
    }
  }

  close(): void {
    if (this.#open !== null) closeSync(this.#open);
    this.#open = null;
  }

  #at(name: string): string {
    return path.join(this.#root, name);
  }
}

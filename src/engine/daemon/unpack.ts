/** A NAR as it comes, written to the disk. */
import { closeSync, mkdirSync, openSync, symlinkSync, writeSync } from 'node:fs';
import * as path from 'node:path';
import { ByteQueue, type NarEnd, type NarEvent, readEvents } from '../../nix/nar-grammar.ts';

/** `send` hands the archive out piece by piece; `to` must not exist. Rejects when the bytes are no NAR. */
export async function unpackNar(
  send: (onPiece: (piece: Uint8Array) => void) => Promise<void>,
  to: string,
): Promise<void> {
  const queue = new ByteQueue();
  const events = readEvents(queue);
  const tree = new TreeWriter(to);
  const advance = () => {
    for (let next = events.next(); next.done !== true && next.value !== 'more'; next = events.next())
      tree.add(next.value);
  };
  try {
    advance();
    await send((piece) => {
      queue.push(piece);
      advance();
    });
    queue.closed = true;
    advance();
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

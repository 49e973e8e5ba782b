/**
 * The lock of a cache mount's directory, and in the same file the mark that a writer is in flight.
 *
 * Beside the directory, not in it: the sandbox cannot reach the mark, and `cargo clean` removes both. The file's contents
 * are the mark: empty, nobody writes; else the derivation that does or did.
 */
import { fsync, ftruncateSync, readFileSync, writeSync } from 'node:fs';
import * as path from 'node:path';
import { promisify } from 'node:util';
import { syncDirectory } from '../sys/durable.ts';
import { type Lock, type LockOptions, lock, tryLock } from '../sys/lock.ts';

const sync = promisify(fsync);

export interface Guard {
  /** The derivation that left the mark: its end was never seen. Null: the state is good. */
  readonly foundMark: string | null;
  /** The found mark was left since the machine started by a writer whose death does no harm. */
  readonly killedOnly: boolean;
  /** On disk when this resolves. `killSafe`: if this writer is killed, and the machine goes on, the state is good. */
  mark(derivation: string, killSafe: boolean): Promise<void>;
  /** The writer has crashed: the mark stays, and stands for bad state. */
  spoil(derivation: string): void;
  /** Not waited for: a power cut that brings the mark back costs one cold build, never a wrong one. */
  clear(): void;
  release(): void;
}

/** Name of the lock file of a mount's directory. */
export function guardFile(directory: string): string {
  return `${directory.replace(/\/+$/, '')}.lock`;
}

/** Takes the lock exclusively, waiting for it. */
export async function takeGuard(directory: string, options: LockOptions): Promise<Guard> {
  const file = guardFile(directory);
  return guardOf(file, await lock(file, 'exclusive', options));
}

/** Takes the lock if it is free; null: somebody else has it. */
export async function tryGuard(directory: string): Promise<Guard | null> {
  const file = guardFile(directory);
  const taken = await tryLock(file, 'exclusive');
  return taken === null ? null : guardOf(file, taken);
}

function guardOf(file: string, held: Lock): Guard {
  const [mark = '', boot] = readFileSync(file, 'utf8')
    .trim()
    .split(/ boot /);
  const write = (text: string): void => {
    ftruncateSync(held.fd, 0);
    writeSync(held.fd, `${text}\n`, 0);
  };
  return {
    foundMark: mark === '' ? null : mark,
    killedOnly: boot !== undefined && boot === bootId(),
    async mark(derivation, killSafe) {
      // Order matters. (1) the mark is on disk; (2) the compiler may touch the state. Half a mark is a mark too.
      const id = killSafe ? bootId() : null;
      write(id === null ? derivation : `${derivation} boot ${id}`);
      await Promise.all([sync(held.fd), syncDirectory(path.dirname(file))]);
    },
    spoil: write,
    clear: () => ftruncateSync(held.fd, 0),
    release: () => held.release(),
  };
}

/** Names the time since the machine started; null: the kernel does not tell. */
function bootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return null;
  }
}

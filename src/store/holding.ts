/** A store in the hands of one process: made, kept from collection, with a work directory and its paths' locks. */
import { type Lock, type LockOptions, lock, tryLock } from '../sys/lock.ts';
import type { StorePath } from '../nix/types.ts';
import { makeStore } from './format.ts';
import type { Layout } from './layout.ts';
import { type WorkDirectory, openWork } from './work.ts';

export class Holding {
  readonly #layout: Layout;
  #made: boolean;
  #work: Promise<WorkDirectory> | null = null;
  #hold: Promise<Lock> | null = null;

  constructor(layout: Layout, made: boolean) {
    this.#layout = layout;
    this.#made = made;
  }

  /** Whether the store is there. */
  get made(): boolean {
    return this.#made;
  }

  make(): void {
    if (!this.#made) makeStore(this.#layout);
    this.#made = true;
  }

  /** Keeps collection away until `letGo`; makes the store. */
  async hold(options: LockOptions = {}): Promise<void> {
    this.make();
    this.#hold ??= lock(this.#layout.gcLock, 'shared', options).catch((error: unknown) => {
      this.#hold = null;
      throw error;
    });
    await this.#hold;
  }

  /** The work directory of a store that is held. */
  async writable(): Promise<WorkDirectory> {
    await this.hold();
    return this.workDirectory();
  }

  /** The same for the one who collects. */
  workDirectory(): Promise<WorkDirectory> {
    this.#work ??= openWork(this.#layout).catch((error: unknown) => {
      this.#work = null;
      throw error;
    });
    return this.#work;
  }

  /** The file stays: ext4 is slow to create files where many were removed just before. `gc` removes it. */
  lockPath(storePath: StorePath, options: LockOptions = {}): Promise<Lock> {
    return lock(this.#layout.outputLock(storePath), 'exclusive', options);
  }

  /** Lets go and takes the store for itself, with nobody else in it; null: somebody builds. */
  async takeAlone(): Promise<Lock | null> {
    await this.letGo();
    return tryLock(this.#layout.gcLock, 'exclusive');
  }

  async letGo(): Promise<void> {
    const hold = this.#hold;
    this.#hold = null;
    (await hold?.catch(() => null))?.release();
  }

  async close(): Promise<void> {
    await this.letGo();
    const work = this.#work;
    this.#work = null;
    await (await work?.catch(() => null))?.close();
  }
}

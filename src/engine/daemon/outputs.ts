/** Where valid outputs lie on this machine. A daemon at the other end of ssh has them there: they are copied from it. */
import { renameSync, rmSync, statSync } from 'node:fs';
import * as path from 'node:path';
import type { NotUtf8 } from '../../nix/nar-grammar.ts';
import type { StorePath } from '../../nix/types.ts';
import { asideName } from '../../sys/durable.ts';
import { type DaemonAddress, rootOf } from './address.ts';
import { notUtf8In } from './names.ts';
import type { RemoteStore } from './remote-store.ts';
import type { DaemonState } from './state.ts';
import { unpackNar } from './unpack.ts';
import { makeDirectories } from '../../sys/directories.ts';

export class Outputs {
  readonly #address: DaemonAddress;
  readonly #state: DaemonState;
  readonly #store: () => Promise<RemoteStore>;

  constructor(address: DaemonAddress, state: DaemonState, store: () => Promise<RemoteStore>) {
    this.#address = address;
    this.#state = state;
    this.#store = store;
  }

  /** Which of `paths` the daemon has. */
  async present(paths: readonly StorePath[]): Promise<ReadonlySet<StorePath>> {
    return (await this.#store()).valid(paths);
  }

  /** Which of `paths` can be used as they are: in the store, accepted by an inspection, on this machine. */
  async usable(paths: readonly StorePath[]): Promise<ReadonlySet<StorePath>> {
    const known = paths.filter((one) => this.#state.accepted(one) && this.#isHere(one));
    return known.length === 0 ? new Set() : this.present(known);
  }

  hostPath(storePath: StorePath): string {
    const root = rootOf(this.#address);
    return root === null ? this.#state.copyOf(storePath) : `${root}${storePath}`;
  }

  /**
   * Copies a valid path to this machine if it is not here. Answers what is in it and cannot be used, since its name is
   * not UTF-8; null: there is nothing of that kind.
   */
  async fetch(storePath: StorePath): Promise<NotUtf8 | null> {
    if (this.#isHere(storePath)) return notUtf8In(this.hostPath(storePath));
    const to = this.hostPath(storePath);
    makeDirectories(path.dirname(to));
    const aside = asideName(to);
    const store = await this.#store();
    const info = await store.info(storePath);
    if (info === null) throw new Error(`${storePath} is not valid any more`);
    try {
      const notUtf8 = await unpackNar((onPiece) => store.nar(info, onPiece), aside);
      if (notUtf8 === null) renameSync(aside, to);
      else rmSync(aside, { recursive: true, force: true });
      return notUtf8;
    } catch (error) {
      rmSync(aside, { recursive: true, force: true });
      throw error;
    }
  }

  #isHere(storePath: StorePath): boolean {
    if (rootOf(this.#address) !== null) return true;
    return statSync(this.hostPath(storePath), { throwIfNoEntry: false }) !== undefined;
  }
}

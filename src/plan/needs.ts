/** Collects what a unit needs of others while its derivation is put together. */
import type { Goal, Stage } from '../engine/types.ts';
import type { SealedDerivation, StorePath } from '../nix/types.ts';
import type { Made } from './unit.ts';

export class Needs {
  readonly #made: Made;
  readonly #stages = new Map<number, Stage>();

  constructor(made: Made) {
    this.#made = made;
  }

  /** The output path of a unit that is needed; a later `whole` wins over `early`. */
  output(index: number, stage: Stage): StorePath {
    if (stage === 'whole' || !this.#stages.has(index)) this.#stages.set(index, stage);
    return this.#made.unit(index).goal.sealed.outPath;
  }

  sealed(): readonly SealedDerivation[] {
    return [...this.#stages.keys()].map((index) => this.#made.unit(index).goal.sealed);
  }

  list(): Goal['needs'] {
    return [...this.#stages].map(([index, stage]) => ({ key: this.#made.idOf(index), stage }));
  }
}

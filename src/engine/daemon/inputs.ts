/** Bringing what a derivation needs into the daemon's store: sources and `.drv` files, each once in a build. */
import type { DrvPath, SealedDerivation, StorePath } from '../../nix/types.ts';
import { sourceChanged } from '../source-changed.ts';
import type { FailureReason, Goal, SourceInput } from '../types.ts';
import type { RemoteStore } from './remote-store.ts';

export class Inputs {
  readonly #store: RemoteStore;
  /** Of every plan of this build: a derivation may be needed whose goal was planned again since. */
  readonly #known = new Map<DrvPath, SealedDerivation>();
  readonly #sources = new Map<StorePath, SourceInput>();
  readonly #adding = new Map<StorePath, Promise<FailureReason | null>>();
  /** Known not to have been there when this build began. */
  readonly #missing = new Set<StorePath>();

  constructor(store: RemoteStore) {
    this.#store = store;
  }

  /** Remembers how to make what these goals need. */
  learn(goals: Iterable<Goal>): void {
    for (const { sealed, sources } of goals) {
      this.#known.set(sealed.drvPath, sealed);
      for (const source of sources) this.#sources.set(source.path, source);
    }
  }

  /**
   * Finds out in one round trip which of the goals' sources and derivations the store has, and keeps these there. A
   * derivation that is there has all with it that it refers to: of what the goals need, nothing else has to be asked.
   */
  async ask(goals: readonly Goal[]): Promise<void> {
    const paths = new Set<StorePath>();
    for (const { sealed } of goals) {
      paths.add(sealed.drvPath);
      for (const source of sealed.derivation.inputSrcs) paths.add(source);
      for (const needed of Object.keys(sealed.derivation.inputDrvs)) paths.add(needed as StorePath);
    }
    const valid = await this.#store.valid([...paths]);
    for (const path of paths) {
      if (valid.has(path)) this.#adding.set(path, Promise.resolve(null));
      else this.#missing.add(path);
    }
  }

  /** Adds the derivation, after all that it refers to. Null: it is there; else why it cannot be. */
  add(drvPath: DrvPath): Promise<FailureReason | null> {
    let adding = this.#adding.get(drvPath);
    if (adding === undefined) {
      adding = this.#addDerivation(drvPath);
      this.#adding.set(drvPath, adding);
    }
    return adding;
  }

  /** Begins to add these, so that they are there when their turn comes. Whoever needs one learns why it cannot be. */
  addAhead(drvPaths: readonly DrvPath[]): void {
    for (const drvPath of drvPaths) this.add(drvPath).catch(() => {});
  }

  async #addDerivation(drvPath: DrvPath): Promise<FailureReason | null> {
    const sealed = this.#known.get(drvPath);
    if (sealed === undefined) throw new Error(`no goal has the derivation ${drvPath}`);
    const { inputSrcs, inputDrvs } = sealed.derivation;
    const tools = inputSrcs.filter((path) => this.#sources.get(path)?.kind === 'store-path');
    // Without any, what is to be sent is sent at once.
    const missing = tools.length === 0 ? [] : await this.#missingOf(tools);
    if (missing.length > 0) return notThere(missing);
    const outcomes = await Promise.all([
      ...inputSrcs.map((path) => this.#addSource(path)),
      ...(Object.keys(inputDrvs) as DrvPath[]).map((path) => this.add(path)),
    ]);
    const failure = outcomes.find((outcome) => outcome !== null);
    if (failure !== undefined) return failure;
    await this.#store.addDerivation(sealed);
    return null;
  }

  async #missingOf(paths: readonly StorePath[]): Promise<readonly StorePath[]> {
    const valid = await this.#store.valid(paths);
    return paths.filter((path) => !valid.has(path));
  }

  #addSource(path: StorePath): Promise<FailureReason | null> {
    let adding = this.#adding.get(path);
    if (adding === undefined) {
      adding = this.#addOneSource(path);
      this.#adding.set(path, adding);
    }
    return adding;
  }

  async #addOneSource(path: StorePath): Promise<FailureReason | null> {
    const source = this.#sources.get(path);
    if (source === undefined) throw new Error(`no goal says where ${path} comes from`);
    if (!this.#missing.has(path) && (await this.#store.valid([path])).has(path)) return null;
    if (source.kind === 'store-path') return notThere([path]);
    const added = await this.#store.addSource(source);
    if (added === path) return null;
    return sourceChanged(source);
  }
}

/** Only its owner can copy a path that no contents name: what it says of itself has to be believed. */
function notThere(paths: readonly StorePath[]): FailureReason {
  const command = `nix copy --to STORE ${paths.join(' ')}`;
  const message = `the store that builds does not have tools of this machine's Nix store (\`${command}\` puts them there; with --no-check-sigs if nobody has signed them)`;
  return { kind: 'input', code: 'D0612', message };
}

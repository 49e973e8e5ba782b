/** The embedded store: what its users call, with locks and errors around the steps that the other files hold. */
import { utimesSync } from 'node:fs';
import * as path from 'node:path';
import { errnoOf } from '../sys/errors.ts';
import type { Lock, LockOptions } from '../sys/lock.ts';
import type { DrvPath, SealedDerivation, StorePath } from '../nix/types.ts';
import { hostDirectoryRecord, prepareFile, prepareTree } from './add.ts';
import { removeUnneeded } from './collect.ts';
import { closureOf } from './closure.ts';
import { guarded } from './failures.ts';
import { defaultStoreRoot, readFormat } from './format.ts';
import { Holding } from './holding.ts';
import { laneSize } from './inventory.ts';
import { type Layout, layoutOf } from './layout.ts';
import { readLog, writeLog } from './logs.ts';
import { commitOutput, prepareOutput, renewed } from './output.ts';
import { displace, place, writeRecord } from './place.ts';
import { registerRoots } from './roots.ts';
import { addTexts } from './texts.ts';
import type {
  AddOutcome,
  CollectOptions,
  CollectOutcome,
  CommitOutcome,
  CommitRequest,
  CorruptPath,
  Lane,
  LaneSize,
  OutputHandle,
  RootsRequest,
  Store,
  StoreSource,
  StoreText,
  StoreWarning,
} from './types.ts';
import { Records } from './validity.ts';
import { verifyAll, whyCorrupt } from './verify.ts';
import type { WorkDirectory } from './work.ts';

export { defaultStoreRoot } from './format.ts';

/**
 * Opens the store at `root`, which need not exist yet: it is made when first written to. Reads one file. Rejects with a
 * `UserError` if the store has a format that this version does not know; nothing is touched then.
 */
export async function openStore(root: string = defaultStoreRoot()): Promise<Store> {
  const layout = layoutOf(path.resolve(root));
  return guarded(layout.root, async () => new EmbeddedStore(layout, readFormat(layout)));
}

class EmbeddedStore implements Store {
  readonly root: string;
  readonly #layout: Layout;
  readonly #records: Records;
  readonly #holding: Holding;

  constructor(layout: Layout, made: boolean) {
    this.root = layout.root;
    this.#layout = layout;
    this.#records = new Records(layout);
    this.#holding = new Holding(layout, made);
  }

  valid(paths: readonly StorePath[]): ReadonlySet<StorePath> {
    return this.#records.valid(paths);
  }

  hostPath(storePath: StorePath): string {
    return this.#records.hostPath(storePath);
  }

  references(storePath: StorePath): readonly StorePath[] | null {
    return this.#records.read(storePath)?.references ?? null;
  }

  closure(paths: readonly StorePath[]): { paths: StorePath[]; missing: StorePath[] } {
    return closureOf(paths, this.references.bind(this));
  }

  takeWarnings(): readonly StoreWarning[] {
    return this.#records.takeWarnings();
  }

  make(): Promise<void> {
    return guarded(this.root, () => this.#holding.make());
  }

  hold(options: LockOptions = {}): Promise<void> {
    return guarded(this.root, () => this.#holding.hold(options));
  }

  addSource(source: StoreSource): Promise<AddOutcome> {
    return guarded(this.root, async () => {
      const work = await this.#holding.writable();
      const { path: storePath } = source;
      if (source.kind !== 'host-directory' && this.valid([storePath]).has(storePath)) return { status: 'valid' };
      if (source.kind === 'text') {
        await addTexts(this.#layout, work, this.#records, [{ path: storePath, text: source.text, references: [] }]);
        return { status: 'added' };
      }
      const held = await this.#holding.lockPath(storePath);
      try {
        return await this.#add(work, source);
      } finally {
        held.release();
      }
    });
  }

  /** Under the path's lock. */
  async #add(work: WorkDirectory, source: Exclude<StoreSource, { kind: 'text' }>): Promise<AddOutcome> {
    const { path: storePath } = source;
    const valid = this.valid([storePath]).has(storePath);
    if (source.kind === 'host-directory') {
      // Two directories can have the same contents: the one that was looked at just now is the one to use.
      const { from, references = [] } = source;
      const before = valid ? this.#records.read(storePath) : null;
      const covers = references.every((each) => before?.references.includes(each) === true);
      if (before !== null && before.from === from && covers) return { status: 'valid' };
      writeRecord(this.#layout, work, hostDirectoryRecord(storePath, from, references));
      this.#records.forget(storePath);
      return { status: 'added' };
    }
    if (valid) return { status: 'valid' };
    if (source.kind === 'file') {
      const { content, record } = await prepareFile(work, storePath, source.from, source.sha256);
      place(this.#layout, work, content, record);
    } else {
      const { content, record, actual } = await prepareTree(work, storePath, source.files);
      if (actual !== storePath) {
        work.retire(content);
        return { status: 'changed', actual };
      }
      place(this.#layout, work, content, record);
    }
    this.#records.forget(storePath);
    return { status: 'added' };
  }

  addTexts(texts: readonly StoreText[]): Promise<void> {
    return guarded(this.root, async () => addTexts(this.#layout, await this.#holding.writable(), this.#records, texts));
  }

  addDerivations(derivations: readonly SealedDerivation[]): Promise<void> {
    return this.addTexts(
      derivations.map(({ drvPath, aterm, derivation }) => ({
        path: drvPath,
        text: aterm,
        references: [...derivation.inputSrcs, ...(Object.keys(derivation.inputDrvs) as DrvPath[])],
      })),
    );
  }

  lockOutput(storePath: StorePath, options: LockOptions = {}): Promise<Lock> {
    return guarded(this.root, async () => {
      await this.#holding.hold(options);
      return this.#holding.lockPath(storePath, options);
    });
  }

  prepareOutput(storePath: StorePath): Promise<OutputHandle> {
    return guarded(this.root, async () => prepareOutput(await this.#holding.writable(), storePath));
  }

  commitOutput(handle: OutputHandle, request: CommitRequest): Promise<CommitOutcome> {
    return guarded(this.root, async () => {
      const outcome = await commitOutput(this.#layout, await this.#holding.writable(), handle, request);
      this.#records.forget(handle.path);
      return outcome;
    });
  }

  renew(storePath: StorePath): Promise<void> {
    return guarded(this.root, async () => {
      const held = await this.#holding.lockPath(storePath);
      try {
        const record = this.#records.read(storePath);
        if (record !== null) writeRecord(this.#layout, await this.#holding.writable(), renewed(this.#layout, record));
      } finally {
        held.release();
      }
    });
  }

  discardOutput(handle: OutputHandle): Promise<void> {
    return guarded(this.root, async () => (await this.#holding.writable()).retire(handle.directory));
  }

  writeLog(drvPath: DrvPath, lines: readonly string[]): Promise<void> {
    return guarded(this.root, async () => writeLog(this.#layout, await this.#holding.writable(), drvPath, lines));
  }

  readLog(drvPath: DrvPath): Promise<readonly string[] | null> {
    return guarded(this.root, () => readLog(this.#layout, drvPath));
  }

  registerRoots(request: RootsRequest): Promise<void> {
    return guarded(this.root, async () => {
      const work = await this.#holding.writable();
      registerRoots(this.#layout, work, request);
      const now = new Date();
      for (const { path: storePath, lane } of request.units.values()) {
        try {
          utimesSync(this.#layout.record(lane, storePath), now, now);
        } catch (error) {
          if (errnoOf(error) !== 'ENOENT') throw error;
        }
      }
    });
  }

  collect(options: CollectOptions = {}): Promise<CollectOutcome> {
    return guarded(this.root, async () => {
      if (!this.#holding.made) return { status: 'collected', removed: [], bytes: 0 };
      const alone = await this.#holding.takeAlone();
      if (alone === null) return { status: 'busy' };
      try {
        const work = await this.#holding.workDirectory();
        const outcome = removeUnneeded(this.#layout, work, this.#records, options);
        await work.settled();
        return { status: 'collected', ...outcome };
      } finally {
        alone.release();
      }
    });
  }

  size(): Readonly<Record<Lane, LaneSize>> {
    return { pure: laneSize(this.#layout, this.#records, 'pure'), dev: laneSize(this.#layout, this.#records, 'dev') };
  }

  verify({ repair = false }: { readonly repair?: boolean } = {}): Promise<readonly CorruptPath[]> {
    return guarded(this.root, async () => {
      if (!this.#holding.made) return [];
      await this.#holding.hold();
      return verifyAll(this.#layout, this.#records, repair ? (storePath) => this.#repair(storePath) : null);
    });
  }

  close(): Promise<void> {
    return this.#holding.close();
  }

  /** Removes a corrupt path, unless somebody is about to build it or has just done so. */
  async #repair(storePath: StorePath): Promise<boolean> {
    const held = await this.#holding.lockPath(storePath);
    try {
      const record = this.#records.read(storePath);
      if (record === null || (await whyCorrupt(this.#layout, this.#records, record)) === null) return false;
      displace(this.#layout, await this.#holding.workDirectory(), storePath);
      this.#records.forget(storePath);
      return true;
    } finally {
      held.release();
    }
  }
}

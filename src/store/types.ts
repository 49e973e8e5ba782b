/** The embedded store, as its users see it. */
import type { Lock, LockOptions } from '../sys/lock.ts';
import type { DrvPath, SealedDerivation, Sha256, StorePath } from '../nix/types.ts';

export type Lane = 'pure' | 'dev';

/** What comes into a store by its contents: the path says what must come out. */
export type ContentSource =
  /** A single file, as `nix-store --add-fixed sha256` adds it. */
  | { readonly kind: 'file'; readonly path: StorePath; readonly from: string; readonly sha256: string }
  /** A text made here (a builder). */
  | { readonly kind: 'text'; readonly path: StorePath; readonly text: string }
  /** A tree of chosen files: relative path in the tree -> absolute file. Links are read through. */
  | { readonly kind: 'tree'; readonly path: StorePath; readonly files: ReadonlyMap<string, string> };

/** How something that no derivation builds comes into this store. */
export type StoreSource =
  | ContentSource
  /** `references`: what it refers to, where it lies in a Nix store. */
  | {
      readonly kind: 'host-directory';
      readonly path: StorePath;
      readonly from: string;
      readonly references?: readonly StorePath[];
    };

export type AddOutcome =
  | { readonly status: 'valid' }
  | { readonly status: 'added' }
  /** The files have other contents than when `path` was computed; `actual`: the path that they have now. */
  | { readonly status: 'changed'; readonly actual: StorePath };

export interface StoreText {
  readonly path: StorePath;
  readonly text: string;
  readonly references: readonly StorePath[];
}

/** A directory that a builder fills; not part of the store before it is committed. */
export interface OutputHandle {
  readonly path: StorePath;
  /** Where it lies on the host, on the store's file system. */
  readonly directory: string;
}

export interface CommitRequest {
  readonly lane: Lane;
  /**
   * `pure`: paths that the output may mention; those whose hash part occurs in it become its references (itself too, if
   * it is among them). `dev`: taken as the references.
   */
  readonly candidates: readonly StorePath[];
  readonly deriver: DrvPath | null;
  /**
   * Names of files (dev lane) that have the permissions of the umask and the time at which they were built: `target/`
   * shows them as hard links, and there they are files like any other.
   */
  readonly own?: readonly string[];
}

export type CommitOutcome =
  | {
      readonly status: 'committed';
      readonly references: readonly StorePath[];
      readonly narHash: Sha256 | null;
      readonly bytes: number;
    }
  /** The output holds what a store path may not hold. The directory is left for `discardOutput`. */
  | { readonly status: 'refused'; readonly file: string; readonly why: RefusalReason };

export type RefusalReason =
  | 'socket'
  | 'fifo'
  | 'device'
  | 'set-id'
  | 'name-not-utf8'
  | 'target-not-utf8'
  | 'not-a-directory';

export type StoreWarning =
  | { readonly kind: 'record-unreadable'; readonly file: string; readonly why: string }
  /** A file of a path that was valid is not as it was recorded: somebody has written to it. */
  | { readonly kind: 'content-changed'; readonly path: StorePath; readonly file: string };

/** What one checkout shows in its target directory. */
export interface RootsRequest {
  readonly targetDir: string;
  /** Newest output of each unit that the build touched, by unit id. Units not named keep what they had. */
  readonly units: ReadonlyMap<string, { readonly path: StorePath; readonly lane: Lane }>;
}

export interface CollectOptions {
  /** For outputs of the dev lane together; default 10 GiB. */
  readonly budgetBytes?: number;
  /** Also pure paths that no root reaches and nobody has used for `olderThanDays` (default 30). */
  readonly all?: boolean;
  readonly olderThanDays?: number;
}

export type CollectOutcome =
  /** A build runs: nothing was removed. */
  | { readonly status: 'busy' }
  | { readonly status: 'collected'; readonly removed: readonly StorePath[]; readonly bytes: number };

export interface LaneSize {
  readonly paths: number;
  readonly bytes: number;
}

export interface CorruptPath {
  readonly path: StorePath;
  readonly why: string;
  readonly repaired: boolean;
}

export interface Store {
  readonly root: string;
  /** Which of `paths` are valid now: recorded, with contents as recorded. Reads only; never throws for what it finds. */
  valid(paths: readonly StorePath[]): ReadonlySet<StorePath>;
  /** Where a valid path lies on the host. */
  hostPath(path: StorePath): string;
  /** References of a valid path; null: not recorded. */
  references(path: StorePath): readonly StorePath[] | null;
  /** All that `paths` reach through references, themselves included; `missing`: reached, but not recorded. */
  closure(paths: readonly StorePath[]): {
    readonly paths: readonly StorePath[];
    readonly missing: readonly StorePath[];
  };
  /** Warnings since the last call, each fact once in the life of this object. */
  takeWarnings(): readonly StoreWarning[];

  /** Makes it if it is not there: before anything else is kept in its directory. */
  make(): Promise<void>;
  /**
   * Keeps collection away until `collect` or `close`. Every writing method does it by itself; whoever relies on what
   * `valid` answered calls it first.
   */
  hold(options?: LockOptions): Promise<void>;
  addSource(source: StoreSource): Promise<AddOutcome>;
  addTexts(texts: readonly StoreText[]): Promise<void>;
  addDerivations(derivations: readonly SealedDerivation[]): Promise<void>;

  /** The right to build `path`; another process that has it is waited for. Ask `valid` again afterwards. */
  lockOutput(path: StorePath, options?: LockOptions): Promise<Lock>;
  /** A fresh, empty directory to build `path` into. */
  prepareOutput(path: StorePath): Promise<OutputHandle>;
  /** Makes the output canonical and valid. The caller holds the path's lock. */
  commitOutput(handle: OutputHandle, request: CommitRequest): Promise<CommitOutcome>;
  /** Gives a valid path's files with a time of their own the present time. */
  renew(path: StorePath): Promise<void>;
  discardOutput(handle: OutputHandle): Promise<void>;

  writeLog(drvPath: DrvPath, lines: readonly string[]): Promise<void>;
  readLog(drvPath: DrvPath): Promise<readonly string[] | null>;

  registerRoots(request: RootsRequest): Promise<void>;
  collect(options?: CollectOptions): Promise<CollectOutcome>;
  size(): Readonly<Record<Lane, LaneSize>>;
  verify(options?: { readonly repair?: boolean }): Promise<readonly CorruptPath[]>;
  /** Gives all locks back and removes this process' temporary files. */
  close(): Promise<void>;
}

/** The interface of an engine. It knows derivations, not Cargo. */
import type { DrvPath, SealedDerivation, Sha256, StorePath } from '../nix/types.ts';
import type { MountGrant } from '../mounts/types.ts';
import type { StoreView } from '../mounts/views.ts';
import type { ContentSource, Lane } from '../store/types.ts';

/** Names one goal for as long as a build lasts, also when its derivation is planned again. */
export type GoalKey = string;

/** `early`: its early file is enough (a library's `.rmeta`). `whole`: its output must be valid. */
export type Stage = 'early' | 'whole';

/** How the engine gets an input that no derivation builds. */
export type SourceInput =
  | ContentSource
  /**
   * A large directory of the host that is bound where it lies (a toolchain). `files`: what was hashed, for an engine that
   * must copy it: relative path in the tree -> absolute file. `narHash`: of the tree of these files.
   */
  | {
      readonly kind: 'host-directory';
      readonly path: StorePath;
      readonly from: string;
      readonly files?: ReadonlyMap<string, string>;
      readonly narHash?: Sha256;
    }
  /** A path of this machine's Nix store, used where it lies. `closure`: all that it refers to, itself too. */
  | { readonly kind: 'store-path'; readonly path: StorePath; readonly closure: readonly StorePath[] };

/** One derivation that is wanted, and what the engine must know beyond the derivation. */
export interface Goal {
  readonly key: GoalKey;
  readonly sealed: SealedDerivation;
  /** Every input derivation, by key; only what `stage` names is shown in the sandbox. */
  readonly needs: readonly { readonly key: GoalKey; readonly stage: Stage }[];
  /** How each of `derivation.inputSrcs` comes into the store. */
  readonly sources: readonly SourceInput[];
  /** Name of the file in the output that dependents with stage `early` read; none: no early stage. */
  readonly earlyFile: string | null;
  readonly mounts: readonly MountGrant[];
  /** Store paths shown read-only at further places: a package's sources at their real path. */
  readonly views: readonly StoreView[];
  /** Expected cost; the longest way to a root is started first. */
  readonly weight: number;
  /** Outputs of the dev lane are not hashed and are subject to the budget. */
  readonly lane: Lane;
  /** Names in the output of what the user gets to see as files like any other: executables and the like (dev lane). */
  readonly own: readonly string[];
  /** Was asked for: built even if all that need it are valid. Goals that nobody needs are roots anyway. */
  readonly root?: boolean;
}

export type FailureReason =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: string }
  | { readonly kind: 'inspection'; readonly message: string }
  | { readonly kind: 'input'; readonly code: string; readonly message: string };

export type Outcome =
  | { readonly status: 'valid' }
  | { readonly status: 'built'; readonly milliseconds: number }
  | { readonly status: 'failed'; readonly reason: FailureReason }
  | { readonly status: 'dependency-failed'; readonly key: GoalKey }
  | { readonly status: 'cancelled' };

/** The only way in which facts leave an engine. */
export type EngineEvent =
  | { readonly type: 'started'; readonly key: GoalKey }
  /** A line of the unit's log, as it came (stdout and stderr of the builder are one stream, as in Nix). */
  | { readonly type: 'line'; readonly key: GoalKey; readonly line: string }
  | { readonly type: 'early'; readonly key: GoalKey }
  | { readonly type: 'state-dropped'; readonly key: GoalKey; readonly directory: string }
  /** The builder had to do without its cache mounts, or its views. Null: nobody has said why. */
  | {
      readonly type: 'mounts-refused';
      readonly key: GoalKey;
      readonly what: 'mounts' | 'views';
      readonly reason: string | null;
    }
  | { readonly type: 'waiting-for-lock'; readonly key: GoalKey }
  | { readonly type: 'ended'; readonly key: GoalKey; readonly outcome: Outcome };

/** What the engine asks of the one who wants the goals. */
export interface GoalSource {
  /** All goals, in any order. Read again whenever `inspect` answers `replanned`. */
  goals(): ReadonlyMap<GoalKey, Goal>;
  /**
   * Called after a builder ended, before its output counts as valid. `outDir`: where the output lies on the host.
   * `accept`: it is valid. `replanned`: `goals()` has a new derivation for this key (something was learned): build that.
   * `reject`: the output breaks a rule that the builder cannot check; the goal fails.
   */
  inspect(goal: Goal, exit: BuilderExit): Promise<Verdict>;
}

export interface BuilderExit {
  readonly ok: boolean;
  readonly code: number;
  readonly outDir: string;
  readonly lines: readonly string[];
}

export type Verdict = 'accept' | 'replanned' | { readonly reject: string };

/** Realises derivations. The embedded engine and the Nix daemon implement it; one suite of tests runs against both. */
export interface Engine {
  /** Which of `paths` are valid now. */
  valid(paths: readonly StorePath[]): Promise<ReadonlySet<StorePath>>;
  /**
   * What `realise` is going to be asked for: what it would begin with is begun. Resolves when the engine goes on by itself,
   * never rejects.
   */
  expect?(source: GoalSource): Promise<void>;
  /** Builds what is not valid, inputs first. Every fact leaves through `on`; the promise only tells how each ended. */
  realise(
    source: GoalSource,
    options: RealiseOptions,
    on: (event: EngineEvent) => void,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<GoalKey, Outcome>>;
  /** Where a valid store path lies on the host. */
  hostPath(path: StorePath): string;
  /** A valid path is about to be shown again after another one: its goal's `own` files are as new as if built now. */
  renew(path: StorePath): Promise<void>;
  /** The log of a derivation that was built earlier, a line each; null: none kept. */
  log(drvPath: DrvPath): Promise<readonly string[] | null>;
}

export interface RealiseOptions {
  readonly jobs: number;
  readonly keepGoing: boolean;
  /**
   * The goals' outputs that `valid` has just named, if nothing can have been collected since: they are not asked for again
   * where that holds for the engine's store.
   */
  readonly valid?: ReadonlySet<StorePath>;
}

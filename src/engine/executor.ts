/** What the scheduler asks of whoever builds one goal. */
import type { BuilderExit, FailureReason, Goal, Stage, Verdict } from './types.ts';

export interface Attempt {
  readonly goal: Goal;
  /** The goals of `goal.needs`, with what is to be shown of each. */
  readonly inputs: readonly AttemptInput[];
  /** Aborted: the builder is killed and its output thrown away. */
  readonly signal: AbortSignal;
  /** The builder is about to start. */
  started(): void;
  line(line: string): void;
  /** The early file is complete and can be found through `locations`. */
  early(locations: () => readonly string[]): void;
  stateDropped(directory: string): void;
  /** The builder had to do without its cache mounts, or its views. */
  mountsRefused(what: 'mounts' | 'views', reason: string | null): void;
  waitingForLock(): void;
  /** An attempt begins with the right to prepare. This takes the right to run. Rejects when `signal` is aborted. */
  mayRun(): Promise<void>;
  /** It has run: the right goes to whoever waits, unless what can only start when this has ended is more urgent. */
  hasRun(): void;
  /** Gives back what the attempt has the right to while it waits for others. */
  pause(): void;
  /** Takes it again. Rejects when `signal` is aborted. */
  resume(): Promise<void>;
  inspect(exit: BuilderExit): Promise<Verdict>;
  /**
   * Resolves when every input is valid as a whole; `false`: one of them never will be. Where that has to be waited for,
   * the right to run is given back.
   */
  inputsValid(): Promise<boolean>;
}

export interface AttemptInput {
  readonly goal: Goal;
  readonly stage: Stage;
  /** Host directories where its early file may lie, in the order in which it moves through them; null: it is valid. */
  readonly locations: (() => readonly string[]) | null;
}

export type AttemptEnd =
  /** Somebody else had built it. */
  | { readonly status: 'valid' }
  | { readonly status: 'built'; readonly milliseconds: number }
  | { readonly status: 'failed'; readonly reason: FailureReason }
  | { readonly status: 'replanned' }
  /** `signal` was aborted, or an input failed. Nothing is left of the attempt. */
  | { readonly status: 'dropped' };

/** Builds goals whose needs are there. Rejects only for bugs and for what ends the whole build (`UserError`). */
export interface Executor {
  build(attempt: Attempt): Promise<AttemptEnd>;
}

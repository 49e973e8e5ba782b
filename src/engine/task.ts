/** One goal of a build under way. */
import type { Goal, Outcome } from './types.ts';

export interface Task {
  goal: Goal;
  /** It has to be built. */
  wanted: boolean;
  state: 'waiting' | 'running' | 'ended';
  outcome: Outcome | null;
  /** Where its early file can be found while the rest is still being built. */
  earlyLocations: (() => readonly string[]) | null;
  abort: AbortController | null;
  replans: number;
  /** Resolves when it has ended: whether it is valid. A task that was planned anew never will be. */
  readonly whole: Promise<boolean>;
  isValid(): boolean;
  settle(outcome: Outcome): void;
  /** Ends its attempt, if there is one. `replanned`: nobody may count on it any more. */
  drop(why: 'replanned' | 'input-failed' | 'cancelled'): void;
}

export function makeTask(goal: Goal, replans: number): Task {
  let resolveWhole: (valid: boolean) => void = () => {};
  const whole = new Promise<boolean>((resolve) => {
    resolveWhole = resolve;
  });
  const task: Task = {
    goal,
    wanted: false,
    state: 'waiting',
    outcome: null,
    earlyLocations: null,
    abort: null,
    replans,
    whole,
    isValid: () => task.outcome?.status === 'valid' || task.outcome?.status === 'built',
    settle(outcome) {
      task.outcome = outcome;
      task.state = 'ended';
      task.earlyLocations = null;
      resolveWhole(task.isValid());
    },
    drop(why) {
      if (why === 'replanned') resolveWhole(false);
      task.abort?.abort(new Error(why));
    },
  };
  return task;
}

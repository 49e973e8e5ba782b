/** What runs when all is built: data, so that a call with nothing to build can keep it and do the same again. */
import type { ShellOptions } from '../report/shell.ts';

/** A program of the user, outside of any sandbox. */
export interface Program {
  /** A path, or a name to be looked up in `PATH`. */
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Variables that cargo sets, or that rustup has added; all others are the caller's. */
  readonly environment: Readonly<Record<string, string>>;
  /** Status and text of each line that is printed before it. */
  readonly lines: readonly (readonly [status: string, text: string])[];
  /** The command in messages, between back quotes. */
  readonly shown: string;
  /** What is said when it fails; null: nothing. */
  readonly failing: Failing | null;
}

export interface Failing {
  readonly what: 'test' | 'bench' | 'doctest';
  /** Arguments that choose this program alone: `-p foo --lib`. */
  readonly rerun: string;
  /** Its output was caught by the test harness, so that there is more to see. */
  readonly caught: boolean;
}

export interface Afterwards {
  /** `show`: only the lines. `become`: this process turns into the program. `tests`: one after another. */
  readonly kind: 'show' | 'become' | 'tests';
  readonly programs: readonly Program[];
  /** `--no-fail-fast`. */
  readonly allTests: boolean;
  readonly shell: ShellOptions;
}

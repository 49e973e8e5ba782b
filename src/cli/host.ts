/** What a command gets from the process it runs in. */
import type { Terminal } from '../report/terminal.ts';

export interface Host {
  /** What follows the program's name on the command line. */
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly terminal: Terminal;
  /** Aborted by Ctrl-C or a polite kill. */
  readonly signal: AbortSignal;
  /** `process.hrtime.bigint()` and the wall clock (milliseconds since the epoch) when the command began. */
  readonly startedAt: bigint;
  readonly startedOn: number;
}

/** One try at building a unit, as its lines tell it. A unit may be tried again after it has taught something. */
import type { Command } from './command.ts';
import { WarningCount } from './counts.ts';
import type { CompilerLine } from './diagnostic.ts';

export class Attempt {
  command: Command | null = null;
  readonly counts = new WarningCount();
  errors = 0;
  warnings = 0;
  /** From the first error on lines are held back: if the unit is tried again, the user never sees them. */
  held: CompilerLine[] | null = null;
  /** A build script's own output. */
  readonly stdout: string[] = [];
  readonly stderr: string[] = [];
  /** What the script wrote among its sources. */
  readonly wrote: string[] = [];
  /** Diagnostics that earlier attempts have shown. */
  readonly #shown: ReadonlySet<string>;
  readonly #showing = new Set<string>();
  /** Lines that the earlier attempt has printed; while this one says the same they are not printed again. */
  #earlier: readonly string[];
  readonly #printed: string[] = [];

  constructor(before: Attempt | null) {
    this.#shown = new Set(before === null ? [] : [...before.#shown, ...before.#showing]);
    this.#earlier = before === null ? [] : before.#printed;
  }

  /** Notes that a diagnostic is shown; true if an earlier attempt at this unit has shown it already. */
  repeats(text: string): boolean {
    this.#showing.add(text);
    return this.#shown.has(text);
  }

  /** Whether a line of a build script (or its command) is news. */
  isNews(line: string): boolean {
    const at = this.#printed.push(line) - 1;
    if (this.#earlier[at] === line) return false;
    this.#earlier = [];
    return true;
  }
}

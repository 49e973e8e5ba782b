/** Compiler lines on their way out: as text, once for all units that say the same, or as messages. */
import type { PlannedUnit } from '../plan/types.ts';
import type { Attempt } from './attempt.ts';
import { type CompilerLine, type Diagnostic, isFixable } from './diagnostic.ts';
import type { FutureIncompat } from './future-incompat.ts';
import { compilerMessage } from './messages.ts';
import type { MessageFormat } from './options.ts';
import type { Shell } from './shell.ts';
import { shortForm } from './short.ts';

export class Diagnostics {
  readonly #shell: Shell;
  readonly #format: MessageFormat;
  readonly #seen = new Set<string>();
  readonly future: FutureIncompat[] = [];

  constructor(shell: Shell, format: MessageFormat) {
    this.#shell = shell;
    this.#format = format;
  }

  /** `visible`: false for what a fresh unit of a registry package said; its reports on the future count all the same. */
  show(unit: PlannedUnit, attempt: Attempt, line: CompilerLine, visible: boolean): void {
    switch (line.kind) {
      case 'text':
        this.#shell.err(`${line.text}\n`);
        return;
      case 'future-incompat':
        this.future.push({ unit, items: line.items });
        for (const { level } of line.items) count(attempt, level);
        return;
      case 'diagnostic':
        if (visible) this.#diagnostic(unit, attempt, line.diagnostic, line.raw);
        return;
      case 'summary':
      case 'notification':
        return;
    }
  }

  #diagnostic(unit: PlannedUnit, attempt: Attempt, diagnostic: Diagnostic, raw: string): void {
    const format = this.#format;
    const short = format.kind === 'short' || (format.kind === 'json' && format.short);
    if (short && diagnostic.level === 'failure-note') return;
    count(attempt, diagnostic.level);
    if (format.kind === 'json' && !format.render) {
      if (!attempt.repeats(raw)) this.#shell.out(`${compilerMessage(unit, diagnostic, raw, format)}\n`);
      return;
    }
    const shown = this.#print(attempt, short ? shortForm(diagnostic) : (diagnostic.rendered ?? ''));
    if (diagnostic.level === 'warning') attempt.counts.warning(shown, isFixable(diagnostic));
    if (diagnostic.level === 'error') attempt.counts.error();
  }

  /** Prints a diagnostic unless another unit has printed the same text; tells whether this unit's is the one shown. */
  #print(attempt: Attempt, text: string): boolean {
    if (attempt.repeats(text)) return true;
    if (this.#seen.has(text)) return false;
    this.#seen.add(text);
    this.#shell.err(text.endsWith('\n') ? text : `${text}\n`);
    return true;
  }
}

function count(attempt: Attempt, level: string): void {
  if (level === 'warning') attempt.warnings += 1;
  if (level === 'error') attempt.errors += 1;
}

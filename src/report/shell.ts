/** Lines on a terminal, in cargo's form: a status right-aligned to twelve columns, `warning: …`, `error: …`. */
import { knowsHyperlinks, type ReportOptions, usesColor } from './options.ts';
import { hyperlink, plain, type Style, styled } from './style.ts';
import type { Terminal } from './terminal.ts';

/** What decides about a line's form; data that outlives a build. */
export type ShellOptions = Pick<ReportOptions, 'quiet' | 'verbosity' | 'color' | 'hyperlinks'>;

/** These options alone. */
export function shellOptions({ quiet, verbosity, color, hyperlinks }: ShellOptions): ShellOptions {
  return { quiet, verbosity, color, hyperlinks };
}

export class Shell {
  readonly terminal: Terminal;
  readonly quiet: boolean;
  readonly verbosity: number;
  readonly errColor: boolean;
  readonly outColor: boolean;
  readonly #hyperlinks: boolean;
  /** A progress bar stands on the current line and must be cleared before anything else is printed. */
  needsClear = false;

  constructor(options: ShellOptions, terminal: Terminal) {
    this.terminal = terminal;
    this.quiet = options.quiet;
    this.verbosity = options.verbosity;
    this.errColor = usesColor(options.color, terminal.stderr, terminal.environment);
    this.outColor = usesColor(options.color, terminal.stdout, terminal.environment);
    this.#hyperlinks = this.errColor && (options.hyperlinks ?? knowsHyperlinks(terminal.environment));
  }

  /** `   Compiling foo v0.1.0`; not shown when quiet. */
  status(status: string, message: string, style: Style = 'header'): void {
    if (!this.quiet) this.err(`${styled(style, status.padStart(12))} ${message}\n`);
  }

  /** The left part of a progress bar: no line end. */
  transientStatus(status: string): void {
    if (!this.quiet) this.err(`${styled('transient', status.padStart(12))} `);
  }

  /** `notes`: lines below it, set off as a compiler does. */
  warn(message: string, notes: readonly string[] = []): void {
    if (this.quiet) return;
    const below = notes.length === 0 ? '' : `  |\n${notes.map((note) => `  = ${note}\n`).join('')}`;
    this.err(`${styled('warning', 'warning')}: ${message}\n${below}`);
  }

  note(message: string): void {
    if (!this.quiet) this.err(`${styled('note', 'note')}: ${message}\n`);
  }

  help(message: string): void {
    if (!this.quiet) this.err(`${styled('transient', 'help')}: ${message}\n`);
  }

  /** Shown also when quiet. `label`: `error`, or with a code `error[D0101]`. */
  error(message: string, label = 'error'): void {
    this.err(`${styled('error', label)}: ${message}\n`);
  }

  /** An error and what led to it, outermost first. */
  errorChain(chain: readonly string[], label?: string): void {
    const [first, ...causes] = chain;
    if (first !== undefined) this.error(first, label);
    for (const cause of causes) this.err(`\nCaused by:\n${indented(cause)}`);
  }

  /** A text that links to `url` where the terminal can do that. */
  link(url: string, text: string): string {
    return this.#hyperlinks ? hyperlink(url, text) : text;
  }

  out(text: string): void {
    this.#clear();
    this.terminal.stdout.write(this.outColor ? text : plain(text));
  }

  err(text: string): void {
    this.#clear();
    this.terminal.stderr.write(this.errColor ? text : plain(text));
  }

  /** Erases from the cursor to the end of the line, where escape sequences are understood. */
  #clear(): void {
    if (!this.needsClear || !this.errColor) return;
    this.needsClear = false;
    this.terminal.stderr.write('\u001b[K');
  }

  eraseLine(): void {
    this.#clear();
  }
}

function indented(text: string): string {
  const lines = text.endsWith('\n') ? text.slice(0, -1).split('\n') : text.split('\n');
  return lines.map((line) => (line === '' ? '\n' : `  ${line}\n`)).join('');
}

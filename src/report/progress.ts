/** The progress bar of a build: `    Building [=====>      ] 12/377: foo, bar(build)`. */
import { knowsProgress, knowsUnicode, type ReportOptions } from './options.ts';
import type { Shell } from './shell.ts';

/** Columns of the status before the bar, and the bar's own greatest width. */
const headerWidth = 15;
const barWidth = 50;

export class Progress {
  readonly #shell: Shell;
  readonly #fixedWidth: number | null;
  readonly #enabled: boolean;
  readonly #unicode: boolean;
  readonly #reports: boolean;
  #failed = false;
  #lastLine: string | null = null;

  constructor(shell: Shell, options: ReportOptions) {
    const { stderr, environment } = shell.terminal;
    const { when, width, termIntegration } = options.progress;
    const hidden = options.quiet || environment['TERM'] === 'dumb' || 'CI' in environment || 'TF_BUILD' in environment;
    this.#shell = shell;
    this.#fixedWidth = width;
    this.#enabled = (when === 'always' || (when === 'auto' && !hidden)) && (width ?? stderr.columns()) !== null;
    this.#unicode = options.unicode ?? knowsUnicode(stderr, environment);
    this.#reports = termIntegration ?? knowsProgress(stderr, environment);
  }

  get enabled(): boolean {
    return this.#enabled;
  }

  /** From now on the terminal's own indicator shows an error. */
  fail(): void {
    this.#failed = true;
  }

  /** Draws the bar if it changed, or if something was printed over it. */
  draw(done: number, total: number, active: string): void {
    if (!this.#enabled) return;
    const width = this.#fixedWidth ?? this.#shell.terminal.stderr.columns() ?? 0;
    const percent = total === 0 ? 0 : (100 * done) / total;
    const report = this.#report(this.#failed ? 2 : 1, percent);
    if (Math.min(width, barWidth) < headerWidth + 2 + ` ${done}/${total}`.length) {
      if (report !== '') this.#shell.err(`${report}\r`);
      return;
    }
    const line = progressLine(done, total, active, width, this.#unicode);
    if (this.#shell.needsClear && line === this.#lastLine) return;
    this.#shell.needsClear = false;
    this.#shell.transientStatus('Building');
    this.#shell.err(`${line}${report}\r`);
    this.#lastLine = line;
    this.#shell.needsClear = true;
  }

  clear(): void {
    if (!this.#enabled) return;
    const report = this.#report(0, 0);
    if (report !== '') this.#shell.terminal.stderr.write(report);
    if (this.#lastLine !== null && this.#shell.needsClear) this.#shell.eraseLine();
    this.#lastLine = null;
  }

  #report(state: number, percent: number): string {
    return this.#reports ? `\u001b]9;4;${state};${percent.toFixed(0)}\u001b\\` : '';
  }
}

/** Bar, numbers and names, cut and padded to `width` columns less the status. */
export function progressLine(done: number, total: number, active: string, width: number, unicode: boolean): string {
  const stats = ` ${done}/${total}`;
  const display = Math.min(width, barWidth) - stats.length - 2 - headerWidth;
  const hashes = total === 0 ? 0 : Math.floor((display * done) / total);
  const arrow = hashes === 0 ? '' : '='.repeat(hashes - 1) + (done === total ? '=' : '>');
  const bar = `[${arrow}${' '.repeat(display - hashes)}]${stats}`;
  return fit(bar, active, width - headerWidth, unicode).padEnd(width - headerWidth);
}

function fit(bar: string, message: string, width: number, unicode: boolean): string {
  const ellipsis = unicode ? '…' : '...';
  const room = width - bar.length;
  if (room <= ellipsis.length) return bar;
  const characters = Array.from(message);
  if (characters.length <= room) return bar + message;
  return bar + characters.slice(0, room - ellipsis.length).join('') + ellipsis;
}

/** How to report: what the command line, the configuration and the environment say about it, by cargo's precedence. */
import * as path from 'node:path';
import { hasOption } from '../cargo/invocation.ts';
import type { Workspace } from '../cargo/types.ts';
import type { Sink, Terminal } from './terminal.ts';

export type MessageFormat =
  | { readonly kind: 'human' }
  | { readonly kind: 'short' }
  | {
      readonly kind: 'json';
      /** `rendered` in the short form. */
      readonly short: boolean;
      /** `rendered` with colours. */
      readonly ansi: boolean;
      /** Diagnostics as text on stderr instead of messages. */
      readonly render: boolean;
    };

export interface ReportOptions {
  readonly format: MessageFormat;
  /** 0: normal, 1: `-v`, 2: `-vv`. */
  readonly verbosity: number;
  readonly quiet: boolean;
  readonly color: 'auto' | 'always' | 'never';
  /** Null: as the environment suggests. */
  readonly hyperlinks: boolean | null;
  readonly unicode: boolean | null;
  readonly progress: {
    readonly when: 'auto' | 'always' | 'never';
    readonly width: number | null;
    readonly termIntegration: boolean | null;
  };
  /** `--future-incompat-report`. */
  readonly futureIncompatReport: boolean;
  /** `future-incompat-report.frequency`: whether a note is shown without being asked for. */
  readonly futureIncompatNote: boolean;
  /** `--timings`: the directory for the page; null: not asked for. */
  readonly timings: string | null;
  /** `process.hrtime.bigint()` when the command began. */
  readonly startedAt: bigint;
}

/** Options of one invocation. */
export function reportOptions(workspace: Workspace, startedAt: bigint): ReportOptions {
  const { invocation, config } = workspace;
  const quiet = invocation.quiet || (invocation.verbosity === 0 && truth(config.get('term.quiet')) === true);
  const verbose = truth(config.get('term.verbose')) === true;
  const color = invocation.color === 'auto' ? config.get('term.color') : invocation.color;
  const width = Number(config.get('term.progress.width'));
  const when = config.get('term.progress.when');
  return {
    format: parseMessageFormat(invocation.messageFormat),
    verbosity: quiet ? 0 : Math.max(invocation.verbosity, verbose ? 1 : 0),
    quiet,
    color: color === 'always' || color === 'never' ? color : 'auto',
    hyperlinks: truth(config.get('term.hyperlinks')),
    unicode: truth(config.get('term.unicode')),
    progress: {
      when: when === 'always' || when === 'never' ? when : 'auto',
      width: Number.isInteger(width) && width > 0 ? width : null,
      termIntegration: truth(config.get('term.progress.term-integration')),
    },
    futureIncompatReport: hasOption(invocation, '--future-incompat-report'),
    futureIncompatNote: config.get('future-incompat-report.frequency') !== 'never',
    timings: hasOption(invocation, '--timings') ? path.join(workspace.targetDir, 'cargo-timings') : null,
    startedAt,
  };
}

/** `--message-format`, several values separated by commas. What is not known is cargo's to refuse. */
export function parseMessageFormat(text: string): MessageFormat {
  const words = text.toLowerCase().split(',');
  if (words.some((word) => word.startsWith('json'))) {
    return {
      kind: 'json',
      short: words.includes('json-diagnostic-short'),
      ansi: words.includes('json-diagnostic-rendered-ansi'),
      render: words.includes('json-render-diagnostics'),
    };
  }
  return { kind: words.includes('short') ? 'short' : 'human' };
}

/** Whether a stream gets colours (`NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE`, `TERM`, in cargo's order). */
export function usesColor(choice: ReportOptions['color'], sink: Sink, environment: Terminal['environment']): boolean {
  if (choice !== 'auto') return choice === 'always';
  const { NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM, CI } = environment;
  if (NO_COLOR) return false;
  if (CLICOLOR_FORCE) return true;
  if (CLICOLOR === '0') return false;
  return sink.isTerminal && ((TERM !== undefined && TERM !== 'dumb') || CLICOLOR !== undefined || CI !== undefined);
}

/** Terminals that are known to understand hyperlinks. */
export function knowsHyperlinks(environment: Terminal['environment']): boolean {
  const { FORCE_HYPERLINK, DOMTERM, VTE_VERSION, TERM_PROGRAM, TERM, COLORTERM, WT_SESSION, KONSOLE_VERSION } =
    environment;
  if (TERM_PROGRAM === 'iTerm.app') return false;
  if (FORCE_HYPERLINK !== undefined) return FORCE_HYPERLINK.trim() !== '0';
  if (DOMTERM !== undefined || Number(VTE_VERSION) >= 5000) return true;
  if (['Hyper', 'terminology', 'WezTerm', 'vscode', 'ghostty'].includes(TERM_PROGRAM ?? '')) return true;
  if (['xterm-kitty', 'alacritty', 'alacritty-direct'].includes(TERM ?? '')) return true;
  return COLORTERM === 'xfce4-terminal' || WT_SESSION !== undefined || KONSOLE_VERSION !== undefined;
}

/** Whether the terminal can show more than ASCII. */
export function knowsUnicode(sink: Sink, environment: Terminal['environment']): boolean {
  if (!sink.isTerminal) return true;
  if (environment['TERM'] === 'linux') return false;
  const locale = environment['LC_ALL'] ?? environment['LC_CTYPE'] ?? environment['LANG'] ?? '';
  return /utf-?8$/i.test(locale);
}

/** Terminals that show progress by OSC 9;4. */
export function knowsProgress(sink: Sink, environment: Terminal['environment']): boolean {
  const { WT_SESSION, ConEmuANSI, TERM_PROGRAM, TERM_FEATURES } = environment;
  const iterm = TERM_PROGRAM === 'iTerm.app' && /P(?![a-z])/.test(TERM_FEATURES ?? '');
  const known = WT_SESSION !== undefined || ConEmuANSI === 'ON' || TERM_PROGRAM === 'WezTerm';
  return sink.isTerminal && (known || TERM_PROGRAM === 'ghostty' || iterm);
}

function truth(value: unknown): boolean | null {
  if (value === true || value === 'true') return true;
  return value === false || value === 'false' ? false : null;
}

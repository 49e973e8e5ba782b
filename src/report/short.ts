/** rustc's `--error-format=short`, made from its JSON: rustc itself is always asked for the full form. */
import type { Diagnostic, DiagnosticSpan } from './diagnostic.ts';
import { plain, styled } from './style.ts';

/**
 * `src/lib.rs:3:5: error[E0308]: mismatched types: expected …`, with colours. Empty for what the short form leaves out
 * (the closing notes on `--explain`).
 */
export function shortForm(diagnostic: Diagnostic): string {
  if (diagnostic.level === 'failure-note') return '';
  const { level, message } = diagnostic;
  const title = diagnostic.code ? `${level}[${diagnostic.code.code}]` : level;
  const label = isLint(diagnostic) ? level : title;
  const origin = originOf(diagnostic.spans);
  const labels = [...primaryLabels(diagnostic.spans), ...inlineSuggestion(diagnostic)];
  const [first = '', ...rest] = message.split('\n');
  const head = `${origin}${styled(styleOf(level), label)}: ${first}`;
  const tail = rest.map((line) => `\n${' '.repeat(label.length + 2)}${line}`).join('');
  return `${head}${labels.length > 0 ? `: ${labels.join(', ')}` : ''}${tail}\n`;
}

/** Lints have a name where errors have a code; rustc shows only codes. */
function isLint({ code }: Diagnostic): boolean {
  return code !== null && !/^E\d{4}$/.test(code.code);
}

/** The first line with a primary span, in the order of lines; without a primary one, the first line with any. */
function originOf(spans: readonly DiagnosticSpan[]): string {
  const primary = spans.filter((span) => span.is_primary);
  const [first] = primary.length > 0 ? primary : spans;
  if (first === undefined) return '';
  const same = (primary.length > 0 ? primary : spans).filter((span) => span.file_name === first.file_name);
  const line = Math.min(...same.map((span) => span.line_start));
  const column = Math.min(...same.filter((span) => span.line_start === line).map((span) => span.column_start));
  return `${first.file_name}:${line}:${column}: `;
}

function primaryLabels(spans: readonly DiagnosticSpan[]): string[] {
  return spans.filter((span) => span.is_primary).flatMap(({ label }) => (label?.trim() ? [label] : []));
}

/** A single short suggestion is a label of the code; whether it is can only be seen in the full form. */
function inlineSuggestion({ children, spans, rendered }: Diagnostic): string[] {
  const suggestions = children.filter((child) =>
    child.spans.some((span) => typeof span.suggested_replacement === 'string'),
  );
  const [suggestion] = suggestions;
  const [span] = suggestion?.spans ?? [];
  if (suggestions.length !== 1 || suggestion === undefined || span === undefined || suggestion.spans.length !== 1) {
    return [];
  }
  const primary = spans.some(
    (own) => own.is_primary && own.byte_start === span.byte_start && own.byte_end === span.byte_end,
  );
  if (!primary) return [];
  const start = `help: ${suggestion.message}`;
  for (const line of plain(rendered ?? '').split('\n')) {
    const at = line.indexOf(start);
    if (at > 0 && /^\s*\d*\s*\|/.test(line)) return [line.slice(at)];
  }
  return [];
}

function styleOf(level: string): 'error' | 'warning' | 'note' | 'transient' {
  if (level.startsWith('error')) return 'error';
  if (level === 'warning') return 'warning';
  return level === 'help' ? 'transient' : 'note';
}

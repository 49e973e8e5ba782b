/** Lines of a rustc that was told `--error-format=json`: what each of them is. */
import type { PathMapper } from '../target/path-map.ts';

export interface DiagnosticSpan {
  readonly file_name: string;
  readonly byte_start: number;
  readonly byte_end: number;
  readonly line_start: number;
  readonly column_start: number;
  readonly is_primary: boolean;
  readonly label: string | null;
  readonly suggested_replacement?: string | null;
  readonly suggestion_applicability?: string | null;
}

export interface Diagnostic {
  readonly message: string;
  readonly level: string;
  readonly code: { readonly code: string } | null;
  readonly spans: readonly DiagnosticSpan[];
  readonly children: readonly Diagnostic[];
  readonly rendered: string | null;
}

export type CompilerLine =
  | { readonly kind: 'text'; readonly text: string }
  /** `raw`: the JSON as it came, paths mapped. */
  | { readonly kind: 'diagnostic'; readonly diagnostic: Diagnostic; readonly raw: string }
  | { readonly kind: 'future-incompat'; readonly items: readonly Diagnostic[] }
  /** `aborting due to …`, `2 warnings emitted`: cargo counts for itself. */
  | { readonly kind: 'summary' }
  /** Artifact notifications and timings. */
  | { readonly kind: 'notification' };

/** Sorts a line of rustc's stderr. Paths of the sandbox are mapped everywhere, in spans and in texts. */
export function readCompilerLine(line: string, map: PathMapper): CompilerLine {
  if (!line.startsWith('{')) return { kind: 'text', text: map(line) };
  const parsed = parse(line);
  if (parsed === null) return { kind: 'text', text: map(line) };
  const value = mapValue(parsed, map) as Record<string, unknown>;
  if ('future_incompat_report' in value) {
    const report = value['future_incompat_report'] as readonly { readonly diagnostic: Diagnostic }[];
    return { kind: 'future-incompat', items: report.map((item) => item.diagnostic) };
  }
  if (!isDiagnostic(value)) return { kind: 'notification' };
  if (/^aborting due to|warnings? emitted$/.test(value.message)) return { kind: 'summary' };
  return { kind: 'diagnostic', diagnostic: value, raw: value === parsed ? line : JSON.stringify(value) };
}

/** Whether rustc can apply one of its suggestions without being told how. */
export function isFixable(diagnostic: Diagnostic): boolean {
  return diagnostic.children.some((child) =>
    child.spans.some((span) => span.suggestion_applicability === 'MachineApplicable'),
  );
}

/** The same value where nothing was mapped, so that the line can be passed on as it came. */
function mapValue(value: unknown, map: PathMapper): unknown {
  if (typeof value === 'string') return map(value);
  if (typeof value !== 'object' || value === null) return value;
  const before = Object.entries(value);
  const after = before.map(([key, item]): [string, unknown] => [key, mapValue(item, map)]);
  if (after.every(([, item], at) => item === before[at]?.[1])) return value;
  return Array.isArray(value) ? after.map(([, item]) => item) : Object.fromEntries(after);
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function isDiagnostic(value: object): value is Diagnostic {
  return 'message' in value && 'level' in value && 'rendered' in value && 'children' in value;
}

/** Cargo's machine messages (the Cargo book, "JSON messages"): keys, and the order of keys, as cargo writes them. */
import type { BuildOutput } from '../cargo/build-output.ts';
import { isTest } from '../plan/target.ts';
import type { PlannedUnit } from '../plan/types.ts';
import type { LaidOut } from '../target/types.ts';
import type { Diagnostic } from './diagnostic.ts';
import type { MessageFormat } from './options.ts';
import { shortForm } from './short.ts';
import { plain } from './style.ts';

export function artifactMessage(unit: PlannedUnit, laidOut: LaidOut, fresh: boolean): string {
  const { profile, target, features } = unit.unit;
  return JSON.stringify({
    reason: 'compiler-artifact',
    package_id: unit.unit.pkg_id,
    manifest_path: unit.package.manifestPath,
    target,
    profile: {
      opt_level: profile.opt_level,
      debuginfo: profile.debuginfo ?? 0,
      debug_assertions: profile.debug_assertions,
      overflow_checks: profile.overflow_checks,
      test: isTest(unit.unit),
    },
    features,
    filenames: laidOut.filenames,
    executable: laidOut.executable,
    fresh,
  });
}

/** `output`: with the paths that users see. */
export function scriptMessage(unit: PlannedUnit, output: BuildOutput, outDir: string): string {
  return JSON.stringify({
    reason: 'build-script-executed',
    package_id: unit.unit.pkg_id,
    linked_libs: output.libraries,
    linked_paths: output.searchPaths,
    cfgs: output.cfgs,
    env: output.env,
    out_dir: outDir,
  });
}

/** `raw`: rustc's own JSON. It is passed on untouched if its colours stay and the full form is wanted. */
export function compilerMessage(
  unit: PlannedUnit,
  diagnostic: Diagnostic,
  raw: string,
  format: MessageFormat & { readonly kind: 'json' },
): string {
  const head = JSON.stringify({
    reason: 'compiler-message',
    package_id: unit.unit.pkg_id,
    manifest_path: unit.package.manifestPath,
    target: unit.unit.target,
  });
  return `${head.slice(0, -1)},"message":${compilerJson(diagnostic, raw, format)}}`;
}

export function finishedMessage(success: boolean): string {
  return JSON.stringify({ reason: 'build-finished', success });
}

function compilerJson(diagnostic: Diagnostic, raw: string, format: MessageFormat & { readonly kind: 'json' }): string {
  const text = format.short ? shortForm(diagnostic) : (diagnostic.rendered ?? '');
  if (format.ansi) return format.short ? JSON.stringify({ ...diagnostic, rendered: text }) : raw;
  const { rendered: _, code, ...other } = diagnostic;
  const sorted = sortKeys(other) as object;
  return JSON.stringify({ rendered: plain(text), ...sorted, code: code ? codeFirst(code) : null });
}

/** Without colours cargo writes the message anew: `rendered` first, `code` last, all else sorted. */
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sortKeys(item)]));
}

function codeFirst({ code, ...other }: { readonly code: string }): object {
  return { code, ...(sortKeys(other) as object) };
}

/** Why a unit is built again: a closed set, with a sentence for each, and cargo's wording for `-v`. */
import type { UnitId } from '../plan/types.ts';

/** Milliseconds since the epoch. */
export interface Times {
  readonly builtAt: number;
  readonly changedAt: number;
}

export type Stale =
  | { readonly why: 'never-built' }
  /** Times in milliseconds since the epoch. */
  | { readonly why: 'source-changed'; readonly file: string; readonly builtAt: number; readonly changedAt: number }
  | { readonly why: 'source-appeared'; readonly file: string }
  | { readonly why: 'source-gone'; readonly file: string }
  | { readonly why: 'package-changed'; readonly before: string; readonly after: string }
  /** `times`: where the dependency was built by itself after the unit was. */
  | { readonly why: 'dependency-rebuilt'; readonly unit: UnitId; readonly name: string; readonly times: Times | null }
  | { readonly why: 'dependency-renamed'; readonly before: string; readonly after: string }
  | { readonly why: 'dependencies-changed'; readonly before: number; readonly after: number }
  | { readonly why: 'variable-changed'; readonly name: string; readonly script: boolean }
  | { readonly why: 'flags-changed'; readonly before: readonly string[]; readonly after: readonly string[] }
  /** What the configuration declares in place of a build script's run. */
  | { readonly why: 'override-changed' }
  | { readonly why: 'toolchain-changed'; readonly before: string; readonly after: string }
  | { readonly why: 'host-tools-changed' }
  | { readonly why: 'builder-changed' }
  | { readonly why: 'lane-changed'; readonly before: string; readonly after: string }
  | { readonly why: 'output-missing'; readonly path: string }
  | { readonly why: 'other'; readonly what: string };

/** One sentence without a full stop, for `drydock explain`. */
export function sentence(stale: Stale): string {
  switch (stale.why) {
    case 'never-built':
      return 'it was not built here before';
    case 'source-changed':
      return `${stale.file} changed`;
    case 'source-appeared':
      return `${stale.file} is new among its sources`;
    case 'source-gone':
      return `${stale.file} is no longer among its sources`;
    case 'package-changed':
      return `the package's sources changed (${stale.before} is now ${stale.after})`;
    case 'dependency-rebuilt':
      return `its dependency ${stale.name} was rebuilt`;
    case 'dependency-renamed':
      return `its dependency ${stale.before} is now called ${stale.after}`;
    case 'dependencies-changed':
      return `the number of its dependencies changed from ${stale.before} to ${stale.after}`;
    case 'variable-changed':
      return `the environment variable ${stale.name} changed`;
    case 'flags-changed':
      return `the compiler's arguments changed${flagChange(stale.before, stale.after)}`;
    case 'override-changed':
      return 'the configuration declares another output of its build script';
    case 'toolchain-changed':
      return `the toolchain changed from ${stale.before} to ${stale.after}`;
    case 'host-tools-changed':
      return "the host's compiler, linker or C library changed";
    case 'builder-changed':
      return "drydock's own builder changed";
    case 'lane-changed':
      return `it moved from the ${stale.before} lane to the ${stale.after} lane`;
    case 'output-missing':
      return `its output ${stale.path} is no longer in the store`;
    case 'other':
      return `its derivation changed in ${stale.what}`;
  }
}

/** Cargo's words after `Dirty foo v0.1.0: `; null where cargo prints no such line (a first build). */
export function dirtyText(stale: Stale): string | null {
  switch (stale.why) {
    case 'never-built':
      return null;
    case 'source-changed':
      return `the file \`${stale.file}\` has changed${modification(stale.builtAt, stale.changedAt)}`;
    case 'source-gone':
      return `the file \`${stale.file}\` is missing`;
    case 'dependency-rebuilt':
      return `the dependency \`${stale.name}\` was rebuilt${
        stale.times === null ? '' : modification(stale.times.builtAt, stale.times.changedAt)
      }`;
    case 'dependency-renamed':
      return `name of dependency changed (${stale.before} => ${stale.after})`;
    case 'dependencies-changed':
      return `number of dependencies changed (${stale.before} => ${stale.after})`;
    case 'variable-changed':
      return `the ${stale.script ? 'env' : 'environment'} variable ${stale.name} changed`;
    case 'flags-changed':
      return onlyLinker(stale.before, stale.after) ? 'the config settings changed' : 'the rustflags changed';
    case 'override-changed':
      return 'the precalculated components changed';
    case 'toolchain-changed':
      return 'the toolchain changed';
    case 'source-appeared':
    case 'package-changed':
    case 'host-tools-changed':
    case 'builder-changed':
    case 'lane-changed':
    case 'output-missing':
    case 'other':
      return sentence(stale);
  }
}

/** ` (1700000000.123456789s, 5s after last build at …)`; empty for a file that was put in place with an older time. */
function modification(before: number, after: number): string {
  if (after <= before) return '';
  const nanoseconds = Math.round((after - before) * 1e6);
  const seconds = Math.floor(nanoseconds / 1e9);
  const difference = seconds >= 1 ? duration(seconds) : `${nanoseconds}ns`;
  return ` (${time(after)}, ${difference} after last build at ${time(before)})`;
}

function time(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const rest = Math.round((milliseconds - seconds * 1000) * 1e6);
  return `${seconds}.${String(rest).padStart(9, '0')}s`;
}

function duration(seconds: number): string {
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  return parts.flatMap(([count, unit]) => (count > 0 ? [`${count}${unit}`] : [])).join(' ');
}

/** The linker is a setting to cargo, not a flag. */
function onlyLinker(before: readonly string[], after: readonly string[]): boolean {
  const others = (flags: readonly string[]) =>
    flags.filter((flag, at) => !(flag.startsWith('linker=') || (flags[at + 1] ?? '').startsWith('linker=')));
  return others(before).join('\0') === others(after).join('\0');
}

function flagChange(before: readonly string[], after: readonly string[]): string {
  const added = after.filter((flag) => !before.includes(flag));
  const removed = before.filter((flag) => !after.includes(flag));
  const parts = [
    ...(added.length > 0 ? [`added: ${added.join(' ')}`] : []),
    ...(removed.length > 0 ? [`removed: ${removed.join(' ')}`] : []),
  ];
  return parts.length > 0 ? ` (${parts.join('; ')})` : '';
}

/** What one ended builder teaches about its unit's inputs. Pure but for looking whether a file exists. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { BuildOutput } from '../cargo/build-output.ts';
import type { PlannedUnit } from '../plan/types.ts';
import type { UnitRecord } from '../sources/types.ts';

/** The places that matter for one unit: the host directory that the tree stands for, and what of it was shown. */
export interface Shown {
  /** Host directory that the source tree's root stands for. */
  readonly root: string;
  /** Relative to `root`; null: everything (an archive). */
  readonly files: ReadonlySet<string> | null;
  readonly environment: Readonly<Record<string, string>>;
  /** Host directories that builds write to: nothing in them is a source, whatever an error says of it. */
  readonly written: readonly string[];
}

/** Variables that rustc looked for and did not find: `# env-dep:NAME` of its dep-info, without a value. */
export function environmentMissed(depInfo: string): string[] {
  return [...depInfo.matchAll(/^# env-dep:([^=\n]+)$/gm)].map(([, name = '']) => name);
}

/** Variables for want of which `env!` failed, also where a macro has put their names together. */
export function environmentDemanded(lines: readonly string[]): string[] {
  return lines.flatMap((line) =>
    [...line.matchAll(/environment variable `([^`]+)` not defined at compile time/g)].map(([, name = '']) => name),
  );
}

/** Variables that a build script named before it failed. */
export function environmentNamed(lines: readonly string[]): string[] {
  return lines.flatMap((line) => /^@drydock stdout \s*cargo::?rerun-if-env-changed=(.*\S)/.exec(line)?.[1] ?? []);
}

/** Whether error lines look like a linker that did not find something, or was not found. */
export function looksLikeLinker(lines: readonly string[]): boolean {
  return lines.some((line) => /linking with `[^`]*` failed|linker `[^`]*` not found/.test(line));
}

/** Of the variables that a unit reads those that were not set for it: once they are, it has to be built again. */
export function unsetVariables(names: readonly string[], shown: Shown): string[] {
  return names.filter((name) => !(name in shown.environment));
}

/** Of the variables that a unit reads those that the caller has set, but the unit was not given. */
export function missingVariables(
  names: readonly string[],
  shown: Shown,
  caller: Readonly<Record<string, string>>,
): string[] {
  return [...new Set(names)].filter((name) => caller[name] !== undefined && !(name in shown.environment));
}

/** Paths that error lines name and that exist on the host below `root`, but were not shown; relative to `root`. */
export function filesMissed(lines: readonly string[], unit: PlannedUnit, shown: Shown): string[] {
  const found = new Set<string>();
  const bases = [unit.package.root, path.dirname(unit.unit.target.src_path)];
  for (const line of lines) {
    for (const match of line.matchAll(/(?:[\w@.+-]*\/)+[\w@.+-]+|[\w@+-]+\.[\w.+-]+/g)) {
      for (const candidate of toHost(match[0], unit, bases)) {
        const relative = path.relative(shown.root, candidate);
        if (relative === '' || relative.startsWith('..') || path.isAbsolute(relative)) continue;
        if (shown.files === null || isShown(relative, shown.files)) continue;
        if (shown.written.some((directory) => isWithin(candidate, directory))) continue;
        if (fs.existsSync(candidate)) found.add(relative);
      }
    }
  }
  return [...found];
}

/**
 * Whether error lines look like a file that was not there: worth one more try with the whole package. Errors with a code
 * are about the text, but for the one of a module without a file: a name that is not found is no file.
 */
export function looksLikeMissingFile(lines: readonly string[]): boolean {
  return lines.some((line) => {
    const code = /"code":\{"code":"(\w+)"/.exec(line)?.[1];
    if (code !== undefined) return code === 'E0583';
    return /couldn't read|No such file or directory|os error 2|cannot find|not found/i.test(line);
  });
}

/** What `rerun-if-changed` named, relative to `root`; null: it named nothing, so any file of the package counts. */
export function rerunInputs(output: BuildOutput, unit: PlannedUnit, shown: Shown): string[] | null {
  if (output.rerunIfChanged.length === 0) return output.rerunIfEnvChanged.length === 0 ? null : [];
  const inputs = new Set<string>();
  for (const name of output.rerunIfChanged) {
    for (const candidate of toHost(name, unit, [unit.package.root])) {
      const relative = path.relative(shown.root, candidate);
      if (!relative.startsWith('..') && !path.isAbsolute(relative)) inputs.add(relative === '' ? '.' : relative);
    }
  }
  return [...inputs].sort();
}

/** `rerun` entries that exist on the host but were not shown. */
export function inputsMissed(rerun: readonly string[], shown: Shown): string[] {
  const { files } = shown;
  if (files === null) return [];
  return rerun.filter((entry) => !isShown(entry, files) && fs.existsSync(path.join(shown.root, entry)));
}

export function merge(record: UnitRecord, lesson: Partial<UnitRecord>): UnitRecord {
  return {
    files: union(record.files, lesson.files),
    wholePackage: lesson.wholePackage ?? record.wholePackage,
    // In the order in which they were named: the first that changes is the one that a message tells.
    env: [...new Set([...record.env, ...(lesson.env ?? [])])],
    rerun: lesson.rerun === undefined ? record.rerun : lesson.rerun,
    shell: lesson.shell ?? record.shell,
  };
}

function union(before: readonly string[], more: readonly string[] | undefined): readonly string[] {
  return more === undefined ? before : [...new Set([...before, ...more])].sort();
}

function isShown(relative: string, files: ReadonlySet<string>): boolean {
  if (relative === '.' || files.has(relative)) return true;
  const prefix = `${relative}/`;
  for (const file of files) if (file.startsWith(prefix)) return true;
  return false;
}

export function isWithin(file: string, directory: string): boolean {
  return file === directory || file.startsWith(`${directory}/`);
}

/** A path as the sandbox or the user writes it -> absolute host paths that it can mean. */
export function toHost(name: string, unit: PlannedUnit, bases: readonly string[]): string[] {
  if (!path.isAbsolute(name)) return bases.map((base) => path.resolve(base, name));
  for (const [sandbox, real] of unit.pathMap) {
    if (name === sandbox || name.startsWith(`${sandbox}/`)) return [path.normalize(real + name.slice(sandbox.length))];
  }
  return [path.normalize(name)];
}

const visible = /^\/(?:usr|bin|sbin|lib|lib32|lib64|libx32|dev|proc|build|nix\/store|incremental)(?:\/|$)/;

/** Absolute paths in lines of a failed unit that exist on the host, lie outside of `root` and are not in the sandbox. */
export function filesOutOfReach(lines: readonly string[], unit: PlannedUnit, shown: Shown): string[] {
  const found = new Set<string>();
  for (const line of lines) {
    if (line.startsWith('@drydock running ')) continue;
    for (const [, name = ''] of line.matchAll(/(?:^|[\s"'`(=:])((?:\/[\w@.+-]+)+)/g)) {
      if (visible.test(name) || isWithin(name, shown.root) || isWithin(name, unit.package.root)) continue;
      if (fs.existsSync(name)) found.add(name);
    }
  }
  return [...found];
}

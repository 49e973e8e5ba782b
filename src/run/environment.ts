/** The environment of a program that runs after a build, as cargo sets it (`compilation.rs`). */
import * as path from 'node:path';
import type { Package } from '../cargo/types.ts';
import { packageEnvironment } from '../plan/environment.ts';
import type { PlannedUnit } from '../plan/types.ts';
import { type Built, nativeDirectories, ownScripts, scriptVariables } from './built.ts';

export interface Subject {
  readonly package: Package;
  readonly platform: string | null;
  /** Runs of the package's own build script. */
  readonly scripts: readonly PlannedUnit[];
}

/** What a unit's executable is told about. */
export function subjectOf(built: Built, unit: PlannedUnit): Subject {
  return { package: unit.package, platform: unit.unit.platform, scripts: ownScripts(built, unit) };
}

/** Variables of a program for a platform: an executable, a test. */
export function programEnvironment(built: Built, subject: Subject): Map<string, string> {
  const { workspace, target } = built;
  const artifacts = target.places.artifacts(subject.platform);
  const { sysroot, host } = workspace.toolchain;
  return environment(built, subject, [
    ...below(artifacts, nativeDirectories(built)),
    artifacts,
    path.join(target.places.intermediates(subject.platform), 'deps'),
    path.join(sysroot, 'lib/rustlib', subject.platform ?? host, 'lib'),
  ]);
}

/** Variables of rustdoc when it tests documentation: it compiles, and runs what it has compiled. */
export function rustdocEnvironment(built: Built, subject: Subject): Map<string, string> {
  const { places } = built.target;
  return environment(built, subject, [
    ...below(places.artifacts(null), nativeDirectories(built)),
    path.join(places.intermediates(null), 'deps'),
  ]);
}

function environment(built: Built, subject: Subject, libraries: readonly string[]): Map<string, string> {
  const { cargoEnvironment: caller, config, toolchain } = built.workspace;
  const before = (caller['LD_LIBRARY_PATH'] ?? '').split(':').filter((directory) => directory !== '');
  const standing = libraries.every((directory, index) => before[index] === directory);
  const result = new Map([['LD_LIBRARY_PATH', (standing ? before : [...libraries, ...before]).join(':')]]);
  for (const run of subject.scripts) {
    for (const [name, value] of scriptVariables(built, run)) result.set(name, value);
  }
  for (const [name, value] of packageEnvironment(subject.package, toolchain.cargo)) result.set(name, value);
  for (const [name, { value, force }] of Object.entries(config.env)) {
    if (result.has(name) || (!force && caller[name] !== undefined)) continue;
    result.set(name, value);
  }
  return result;
}

/** What may be looked up at run time: directories of build scripts below `root`, without their kinds. */
function below(root: string, directories: readonly string[]): readonly string[] {
  return directories
    .map((directory) => directory.replace(/^(?:native|crate|dependency|framework|all)=/, ''))
    .filter((directory) => directory === root || directory.startsWith(`${root}/`));
}

/**
 * `.fingerprint/<package>-<identity>/`, where cargo keeps what it knows of a unit, under cargo's names: so `cargo clean -p`
 * cleans it with the rest. Cargo never takes one of these for its own: the identity is no hash of cargo's, and what it
 * would read there is none of its fingerprints.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { isBuildScript, isLibrary, isRun, isTest, kindOf } from '../plan/target.ts';
import type { PlannedUnit } from '../plan/types.ts';
import { type Places, unitName } from './places.ts';

/** The files of one unit. */
export interface Fingerprint {
  readonly directory: string;
  /** What of the unit lies in `target/`. */
  readonly placed: string;
  /** What it was built from. */
  readonly inputs: string;
  /** Of a compilation: rustc's dep-info, and a file whose time tells when it was placed. */
  readonly depInfo: string | null;
  readonly timestamp: string | null;
}

export const timestampName = 'invoked.timestamp';
export const timestampText = 'This file has an mtime of when this was started.';

export function fingerprintOf(places: Places, unit: PlannedUnit): Fingerprint {
  const host = isBuildScript(unit.unit.target) && !isRun(unit.unit);
  const directory = path.join(fingerprints(places, host ? null : unit.unit.platform), unitName(unit));
  const name = nameOf(unit);
  return {
    directory,
    placed: path.join(directory, name),
    inputs: path.join(directory, `${name}.json`),
    depInfo: isRun(unit.unit) ? null : path.join(directory, `dep-${name}`),
    timestamp: isRun(unit.unit) ? null : path.join(directory, timestampName),
  };
}

/** The files with the inputs of all units that were ever placed for this platform, and not cleaned since. */
export function inputFiles(places: Places, platform: string | null): string[] {
  const directory = fingerprints(places, platform);
  if (!fs.existsSync(directory)) return [];
  return fs
    .readdirSync(directory)
    .flatMap((unit) => fs.readdirSync(path.join(directory, unit)).map((name) => path.join(directory, unit, name)))
    .filter((file) => file.endsWith('.json'));
}

function fingerprints(places: Places, platform: string | null): string {
  return path.join(places.intermediates(platform), '.fingerprint');
}

function nameOf({ unit }: PlannedUnit): string {
  const kind = kindOf(unit.target);
  const described = isLibrary(unit.target)
    ? 'lib'
    : ({ test: 'integration-test', 'custom-build': 'build-script' }[kind] ?? kind);
  const flavour = isRun(unit) ? 'run-' : isTest(unit) ? 'test-' : '';
  return `${flavour}${described}-${unit.target.name}`;
}

/** What a unit was built from, kept beside what was placed: how `explain` tells why it is built again. */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import type { Plan, PlannedUnit, UnitId } from '../plan/types.ts';
import { replaceFile } from '../sys/durable.ts';
import { fingerprintOf, inputFiles } from './fingerprint.ts';
import type { Places } from './places.ts';
import { makeDirectories } from '../sys/directories.ts';

const version = 1;

/** A source file by its path in the tree: size, modification time in milliseconds, digest. */
export type SourceStamp = readonly [size: number, mtime: number, digest: string];

export interface UnitInputs {
  /** When these were taken: milliseconds since the epoch. */
  readonly at: number;
  readonly drv: string;
  readonly out: string;
  readonly lane: string;
  /** Store path of the sources, and its files where they are single ones (path packages). */
  readonly source: string;
  readonly files: Readonly<Record<string, SourceStamp>>;
  /** Outputs of the units that it depends on. */
  readonly dependencies: Readonly<Record<UnitId, string>>;
  readonly program: string;
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly hostTools: string;
  /** Store path of its builder. */
  readonly builder: string;
}

/** What is kept of one unit; `note`: what the keeper has to add. */
export interface Kept<Note> {
  readonly inputs: UnitInputs;
  readonly note: Note | null;
}

/** The inputs of a planned unit. Files are read only where `before` does not know them by size and time. */
export function inputsOf(plan: Plan, unit: PlannedUnit, before: UnitInputs | null): UnitInputs {
  const { sealed } = unit.goal;
  const { env, args } = sealed.derivation;
  return {
    at: Date.now(),
    drv: sealed.drvPath,
    out: sealed.outPath,
    lane: unit.lane,
    source: unit.source.path,
    files: stamps(unit, before),
    dependencies: Object.fromEntries(
      unit.dependencies.map((id): [UnitId, string] => [id, plan.byId.get(id)?.goal.sealed.outPath ?? '']),
    ),
    program: unit.program,
    arguments: unit.arguments,
    environment: unit.environment,
    hostTools: env['hostTools'] ?? '',
    builder: args[0] ?? '',
  };
}

function stamps(unit: PlannedUnit, before: UnitInputs | null): Record<string, SourceStamp> {
  const { input } = unit.source;
  const found: Record<string, SourceStamp> = {};
  if (input.kind !== 'tree') return found;
  for (const [name, file] of input.files) {
    const stat = fs.statSync(file, { throwIfNoEntry: false });
    if (stat === undefined || !stat.isFile()) continue;
    const known = before?.files[name];
    if (known !== undefined && known[0] === stat.size && known[1] === stat.mtimeMs) found[name] = known;
    else found[name] = [stat.size, stat.mtimeMs, createHash('sha256').update(fs.readFileSync(file)).digest('hex')];
  }
  return found;
}

/** What was kept of the unit when it was last built or put back here; null: nothing, or it is not readable. */
export function readInputs<Note = unknown>(places: Places, unit: PlannedUnit): Kept<Note> | null {
  return readFile<Note>(fingerprintOf(places, unit).inputs);
}

/** The same of every unit that lies in `target/` for one of `platforms`. */
export function readAllInputs<Note>(places: Places, platforms: Iterable<string | null>): Kept<Note>[] {
  const files = new Set([...platforms].flatMap((platform) => inputFiles(places, platform)));
  return [...files].flatMap((file) => readFile<Note>(file) ?? []);
}

/** Throws the system error. */
export function writeInputs<Note>(places: Places, unit: PlannedUnit, kept: Kept<Note>): void {
  const { directory, inputs } = fingerprintOf(places, unit);
  makeDirectories(directory);
  replaceFile(inputs, JSON.stringify({ version, ...kept }));
}

function readFile<Note>(file: string): Kept<Note> | null {
  try {
    const saved = JSON.parse(fs.readFileSync(file, 'utf8')) as Kept<Note> & { readonly version: number };
    return saved.version === version ? saved : null;
  } catch {
    return null;
  }
}

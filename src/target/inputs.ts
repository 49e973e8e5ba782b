/** What a unit was built from, kept beside what was placed: how `explain` tells why it is built again. */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Plan, PlannedUnit, UnitId } from '../plan/types.ts';
import { replaceFile } from '../sys/durable.ts';
import type { Places } from './places.ts';

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
  /** The builder script. */
  readonly builder: string;
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

/** The inputs with which the unit was last built here; null: never, or the record is not readable. */
export function readInputs(places: Places, id: UnitId): UnitInputs | null {
  try {
    const saved = JSON.parse(fs.readFileSync(fileOf(places, id), 'utf8')) as { version: number; inputs: UnitInputs };
    return saved.version === version ? saved.inputs : null;
  } catch {
    return null;
  }
}

/** Throws the system error. */
export function writeInputs(places: Places, id: UnitId, inputs: UnitInputs): void {
  const file = fileOf(places, id);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  replaceFile(file, JSON.stringify({ version, inputs }));
}

function fileOf(places: Places, id: UnitId): string {
  return path.join(places.intermediates(null), '.drydock', 'units', `${id}.json`);
}

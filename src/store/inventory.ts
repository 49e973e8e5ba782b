/** All records of the store, for collection and verification. */
import { readdirSync, statSync } from 'node:fs';
import { errnoOf } from '../sys/errors.ts';
import type { Layout } from './layout.ts';
import type { PathRecord } from './record.ts';
import type { Lane, LaneSize } from './types.ts';
import type { Records } from './validity.ts';

export interface Recorded {
  readonly file: string;
  /** null: the record is damaged. */
  readonly record: PathRecord | null;
  /** When its path was last used, as far as the record's mtime tells (milliseconds). */
  readonly usedAt: number;
}

export function* inventory(layout: Layout, records: Records, lane: Lane): Generator<Recorded> {
  for (const name of entriesOf(layout.records(lane))) {
    const file = `${layout.records(lane)}/${name}`;
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat !== undefined) yield { file, record: records.readFile(file), usedAt: stat.mtimeMs };
  }
}

/** What the valid paths of a lane hold, by their records. */
export function laneSize(layout: Layout, records: Records, lane: Lane): LaneSize {
  let paths = 0;
  let bytes = 0;
  for (const { record } of inventory(layout, records, lane)) {
    if (record === null) continue;
    paths++;
    bytes += record.bytes;
  }
  return { paths, bytes };
}

/** Names in a directory; none when it is not there. */
export function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

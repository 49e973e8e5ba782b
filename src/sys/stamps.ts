/** Telling by stat alone whether files and directories are as they were. */
import { statSync, type BigIntStats } from 'node:fs';

/** null: there is nothing under that name. */
export type Stamp = string | null;

export type Stamped = readonly (readonly [path: string, stamp: Stamp])[];

export function stampOf(path: string): Stamp {
  return print(statSync(path, { bigint: true, throwIfNoEntry: false }));
}

/**
 * The stamps of what was looked at since `startedOn` (milliseconds since the epoch); null when something was written after
 * that: it may have been written after it was read.
 */
export function stampsSince(startedOn: number, paths: Iterable<string>): Stamped | null {
  // The clock of a file system ticks more coarsely than ours.
  const limit = BigInt(Math.floor(startedOn - 10)) * 1_000_000n;
  const stamped: [string, Stamp][] = [];
  for (const path of new Set(paths)) {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (stat !== undefined && stat.mtimeNs >= limit) return null;
    stamped.push([path, print(stat)]);
  }
  return stamped;
}

/** Whether all of them are as they were. Looks until one is not. */
export function unchangedSince(stamped: Stamped): boolean {
  for (const [path, before] of stamped) if (stampOf(path) !== before) return false;
  return true;
}

function print(stat: BigIntStats | undefined): Stamp {
  if (stat === undefined) return null;
  // The size of a directory says nothing, its time of change does.
  return `${stat.mtimeNs}:${stat.isDirectory() ? 'd' : stat.size}:${stat.ino}`;
}

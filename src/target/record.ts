/** What was placed in `target/`, by stat: how a build with nothing to do knows that nothing has to be placed again. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { UnitId } from '../plan/types.ts';
import { replaceFile } from '../sys/durable.ts';

const version = 1;

/** `link`: shares its inode with a store file. `copy`: a file of its own. `text`: written here. */
export type How = 'link' | 'copy' | 'text';

/** A placed file and its stat right after it was placed. */
export type Placed = readonly [file: string, how: How, size: number, mtime: number, inode: number];

/** A directory whose entries are all ours and were all right when its times were set. */
export type Sealed = readonly [directory: string, mtime: number, inode: number];

export interface UnitEntry {
  /** The store path whose files these are. */
  readonly out: string;
  readonly files: readonly Placed[];
  /** Directories of the tree that was placed (`OUT_DIR` of a build script): watched instead of every file in them. */
  readonly trees: readonly Sealed[];
}

export interface LayoutRecord {
  readonly units: Map<UnitId, UnitEntry>;
  sealed: readonly Sealed[];
  /** What paths in the dep-info files for other build systems are relative to; null: they are absolute. */
  basedir: string | null;
  /** Store paths of the results that the directory held when it was moved here: the files' stats tell nothing any more. */
  readonly moved: ReadonlyMap<UnitId, string>;
}

/** The record of an earlier build; an empty one where there is none, it is unreadable, or `root` was moved here. */
export function readRecord(file: string, root: string): LayoutRecord {
  try {
    const saved = JSON.parse(fs.readFileSync(file, 'utf8')) as {
      version: number;
      root: string;
      units: Record<UnitId, UnitEntry>;
      sealed: Sealed[];
      basedir?: string | null;
    };
    if (saved.version === version) {
      const units = new Map(Object.entries(saved.units) as [UnitId, UnitEntry][]);
      if (saved.root === root) return { units, sealed: saved.sealed, basedir: saved.basedir ?? null, moved: new Map() };
      return { ...noRecord(), moved: new Map([...units].map(([id, { out }]) => [id, out])) };
    }
  } catch {
    // No record means that everything is looked at anew, which is always right.
  }
  return noRecord();
}

function noRecord(): LayoutRecord {
  return { units: new Map(), sealed: [], basedir: null, moved: new Map() };
}

/** Writes the record. Throws the system error. */
export function writeRecord(file: string, root: string, record: LayoutRecord): void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  const units = Object.fromEntries(record.units);
  replaceFile(file, JSON.stringify({ version, root, units, sealed: record.sealed, basedir: record.basedir }));
}

/** Whether a placed file is still the one that was placed. */
export function stillThere([file, , size, mtime, inode]: Placed): boolean {
  const stat = fs.lstatSync(file, { throwIfNoEntry: false });
  return stat !== undefined && stat.ino === inode && stat.size === size && stat.mtimeMs === mtime;
}

/** Whether nothing was created, removed or renamed in the directory since it was sealed. */
export function stillSealed([directory, mtime, inode]: Sealed): boolean {
  const stat = fs.lstatSync(directory, { throwIfNoEntry: false });
  return stat !== undefined && stat.isDirectory() && stat.ino === inode && stat.mtimeMs === mtime;
}

/**
 * Sets a directory's times to a whole second of the past, so that any later change of its entries is seen even within
 * one tick of the clock. What was changed before this call is not noticed by the seal: check the entries afterwards.
 */
export function seal(directory: string): Sealed {
  const second = Math.floor(Date.now() / 1000) - 2;
  fs.utimesSync(directory, second, second);
  const stat = fs.lstatSync(directory);
  return [directory, stat.mtimeMs, stat.ino];
}

/** What was placed of a unit, by stat: how a build knows that nothing has to be placed again. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { replaceFile } from '../sys/durable.ts';
import { makeDirectories } from '../sys/directories.ts';

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
  /** What paths in the dep-info files for other build systems are relative to; null: they are absolute. */
  readonly basedir: string | null;
}

/** The result of a unit that `target/` holds; `entry` null: it was moved here, so stats of files tell nothing any more. */
export interface Held {
  readonly out: string;
  readonly entry: UnitEntry | null;
}

/** What was kept by `writeEntry`; null: nothing, or it is not readable, which only means to look at everything anew. */
export function readEntry(file: string, root: string): Held | null {
  try {
    const saved = JSON.parse(fs.readFileSync(file, 'utf8')) as { version: number; root: string; entry: UnitEntry };
    if (saved.version !== version) return null;
    return { out: saved.entry.out, entry: saved.root === root ? saved.entry : null };
  } catch {
    return null;
  }
}

/** `root`: the directory that everything lies in. Throws the system error. */
export function writeEntry(file: string, root: string, entry: UnitEntry): void {
  makeDirectories(path.dirname(file));
  replaceFile(file, JSON.stringify({ version, root, entry }));
}

/** Whether a placed file is still the one that was placed. The time of a link is the store's to look at, and to renew. */
export function stillThere([file, how, size, mtime, inode]: Placed): boolean {
  const stat = fs.lstatSync(file, { throwIfNoEntry: false });
  return stat?.ino === inode && stat.size === size && (how === 'link' || stat.mtimeMs === mtime);
}

/** Whether nothing was created, removed or renamed in the directory since it was sealed. */
export function stillSealed([directory, mtime, inode]: Sealed): boolean {
  const stat = fs.lstatSync(directory, { throwIfNoEntry: false });
  return stat !== undefined && stat.isDirectory() && stat.ino === inode && stat.mtimeMs === mtime;
}

/**
 * Makes sure that a directory's times are of the past, so that any later change of its entries is seen even within one
 * tick of the clock. What was changed before this call is not noticed by the seal: check the entries afterwards.
 */
export function seal(directory: string): Sealed {
  const now = Date.now();
  const stat = fs.lstatSync(directory);
  if (stat.mtimeMs < now - 2000) return [directory, stat.mtimeMs, stat.ino];
  const second = Math.floor(now / 1000) - 2;
  fs.utimesSync(directory, second, second);
  return [directory, fs.lstatSync(directory).mtimeMs, stat.ino];
}

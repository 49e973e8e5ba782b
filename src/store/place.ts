/** The step by which contents become a valid path, and the one by which a path ceases to be. */
import { chmodSync, lstatSync, lutimesSync, renameSync, rmSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { errnoOf } from '../sys/errors.ts';
import type { StorePath } from '../nix/types.ts';
import type { Layout } from './layout.ts';
import { type PathRecord, canonicalSeconds } from './record.ts';
import type { WorkDirectory } from './work.ts';

/**
 * Puts `content` (in the work directory, canonical but for its top directory) in place of whatever lies there, and
 * records it. The caller holds the path's lock.
 *
 * Order matters. (1) the old record goes: the path is not valid from here on; (2) old contents go; (3) the new contents
 * come; (4) the record. Killed anywhere before 4: no record, and the next one to add the path starts from 1. After a
 * power cut the record may be on the disk and contents not: their sizes and inodes are then not as recorded, because
 * file systems write a file's size after its data.
 */
export function place(layout: Layout, work: WorkDirectory, content: string, record: PathRecord): void {
  const target = layout.content(record.path);
  removeRecord(layout.record('pure', record.path));
  removeRecord(layout.record('dev', record.path));
  retireContent(work, target);
  const isDirectory = lstatSync(content).isDirectory();
  // Only a writable directory can be moved to another parent, so its permissions come last.
  renameSync(content, target);
  if (isDirectory) {
    chmodSync(target, 0o555);
    utimesSync(target, canonicalSeconds, canonicalSeconds);
  }
  writeRecord(layout, work, record);
}

/** Writes a record whose contents are in place. */
export function writeRecord(layout: Layout, work: WorkDirectory, record: PathRecord): void {
  const aside = work.fresh('record');
  writeFileSync(aside, JSON.stringify(record), { flag: 'wx' });
  const file = layout.record(record.lane, record.path);
  try {
    renameSync(aside, file);
  } catch (error) {
    if (errnoOf(error) !== 'EISDIR') throw error;
    removeRecord(file);
    renameSync(aside, file);
  }
}

/**
 * Takes a path out of the store. Order matters: first the record, so that nobody takes for valid what is half removed.
 * Killed in between: contents without a record, which `gc` and the next one to add the path remove.
 */
export function displace(layout: Layout, work: WorkDirectory, path: StorePath): void {
  removeRecord(layout.record('pure', path));
  removeRecord(layout.record('dev', path));
  retireContent(work, layout.content(path));
}

export function retireContent(work: WorkDirectory, content: string): void {
  const stat = lstatSync(content, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (stat.isDirectory()) chmodSync(content, 0o755);
  work.retire(content);
}

/** Gives a file of the work directory its canonical permissions and time. Never one with a second link. */
export function makeCanonical(file: string, kind: 'f' | 'x' | 'l'): void {
  if (kind === 'l') lutimesSync(file, canonicalSeconds, canonicalSeconds);
  else {
    chmodSync(file, kind === 'x' ? 0o555 : 0o444);
    utimesSync(file, canonicalSeconds, canonicalSeconds);
  }
}

/** Removes a record, whatever somebody has put in its place. */
export function removeRecord(file: string): void {
  try {
    unlinkSync(file);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') rmSync(file, { recursive: true, force: true });
  }
}

/**
 * Files that are whole or not there. Everything is written aside, in the same directory, and renamed: a reader never
 * meets half a file, and a killed writer leaves only an aside file, which `sweepAsides` knows by its name.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, linkSync, openSync, readdirSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import * as path from 'node:path';
import { errnoOf } from './errors.ts';

const ASIDE = '.drydock-aside-';

/** A fresh name beside `file` for its next contents. */
export function asideName(file: string): string {
  return path.join(path.dirname(file), `${ASIDE}${randomBytes(8).toString('hex')}`);
}

/**
 * Replaces `file` so that its new contents are on the disk when this resolves, also after a power cut. Costs two fsyncs:
 * for what others will rely on, such as a mark that must precede a deed. Rejects with the system error; `file` is then
 * as before.
 */
export async function writeDurably(file: string, contents: string | Uint8Array, mode = 0o644): Promise<void> {
  const aside = asideName(file);
  // Order matters. (1) the contents are on disk; (2) the name changes; (3) the change of name is on disk. Killed before
  // 2: an aside file is left. Power lost before 3: the old file or the new one, never a mixture.
  try {
    const handle = await open(aside, 'wx', mode);
    await withHandle(handle, async () => {
      await handle.writeFile(contents);
      await handle.sync();
    });
    await rename(aside, file);
  } catch (error) {
    removeIfThere(aside);
    throw error;
  }
  await syncDirectory(path.dirname(file));
}

/** Replaces `file` at once, without waiting for the disk: after a power cut it may be old, new or empty. */
export function replaceFile(file: string, contents: string | Uint8Array, mode = 0o644): void {
  const aside = asideName(file);
  try {
    writeNew(aside, contents, mode);
    renameSync(aside, file);
  } catch (error) {
    removeIfThere(aside);
    throw error;
  }
}

/** Creates `file` with its whole contents; false: somebody else has created it, nothing was changed. */
export function createExclusive(file: string, contents: string | Uint8Array, mode = 0o644): boolean {
  const aside = asideName(file);
  try {
    writeNew(aside, contents, mode);
    linkSync(aside, file);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    removeIfThere(aside);
  }
}

/** Removes `file`, on the disk too when this resolves. A file that is not there is no error. */
export async function removeDurably(file: string): Promise<void> {
  try {
    await unlink(file);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  await syncDirectory(path.dirname(file));
}

/** Removes what killed writers have left in `directory`. The caller sees to it that no writer lives. */
export function sweepAsides(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (name.startsWith(ASIDE)) rmSync(path.join(directory, name), { recursive: true, force: true });
  }
}

/** Makes creations, renames and removals in `directory` survive a power cut. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  await withHandle(handle, async () => {
    try {
      await handle.sync();
    } catch (error) {
      // File systems that cannot sync a directory say EINVAL; there is nothing more to be had there.
      if (errnoOf(error) !== 'EINVAL') throw error;
    }
  });
}

async function withHandle(handle: FileHandle, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } finally {
    await handle.close();
  }
}

function writeNew(file: string, contents: string | Uint8Array, mode: number): void {
  const fd = openSync(file, 'wx', mode);
  try {
    writeFileSync(fd, contents);
  } finally {
    closeSync(fd);
  }
}

function removeIfThere(file: string): void {
  try {
    unlinkSync(file);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

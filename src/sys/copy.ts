/** Copies, links and removals of files as the store and `target/` need them. */
import { constants } from 'node:fs';
import { type FileHandle, chmod, copyFile, link, lstat, open, readdir, rmdir, unlink } from 'node:fs/promises';
import { errnoOf } from './errors.ts';

const SLASH = Buffer.from('/');

/** Links across file systems, too many of them, of files that the kernel protects, or not supported at all. */
const UNLINKABLE = new Set(['EXDEV', 'EMLINK', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/**
 * Copies a regular file, sharing its blocks where the file system can (FICLONE). Permission bits go with it, times do
 * not. Rejects with `EEXIST` when `to` exists: writing into an existing file could write through a hard link.
 */
export async function cloneOrCopy(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
}

/** Pieces of a file that are copied at the same time, and their size: one thread takes twice as long as the memory does. */
const atOnce = 4;
const pieceSize = 1 << 19;

/**
 * Gives `to`, a file or no file yet, the contents of `from`, which does not change meanwhile; shares its blocks where the
 * file system can. Says nothing of permissions. Rejects with the system error; what is in `to` is then left to the caller.
 */
export async function copyContents(from: string, to: string): Promise<void> {
  const cloned = copyFile(from, to, constants.COPYFILE_FICLONE_FORCE);
  // Whatever keeps it from sharing blocks: a copy says what is really amiss.
  if (
    await cloned.then(
      () => true,
      () => false,
    )
  )
    return;
  const source = await open(from);
  try {
    const copy = await open(to, 'w');
    try {
      await copyPieces(source, copy);
    } finally {
      await copy.close();
    }
  } finally {
    await source.close();
  }
}

async function copyPieces(source: FileHandle, copy: FileHandle): Promise<void> {
  const { size } = await source.stat();
  let next = 0;
  const copyNext = async (): Promise<void> => {
    const buffer = Buffer.allocUnsafeSlow(Math.min(size, pieceSize));
    while (next < size) {
      const start = next;
      const end = Math.min(start + buffer.length, size);
      next = end;
      await copyRange(source, copy, buffer, start, end);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, copyNext));
}

/** A system may read and write less than it is asked to. */
async function copyRange(source: FileHandle, copy: FileHandle, buffer: Buffer, start: number, end: number) {
  for (let at = start; at < end; ) {
    const { bytesRead } = await source.read(buffer, 0, end - at, at);
    if (bytesRead === 0) throw new Error('a file has become shorter while it was copied');
    for (let written = 0; written < bytesRead; ) {
      written += (await copy.write(buffer, written, bytesRead - written, at + written)).bytesWritten;
    }
    at += bytesRead;
  }
}

/** Links `from` as `to`, or copies it where that link cannot be made; tells which. Rejects with `EEXIST` as above. */
export async function hardLink(from: string, to: string): Promise<'linked' | 'copied'> {
  try {
    await link(from, to);
    return 'linked';
  } catch (error) {
    if (!UNLINKABLE.has(errnoOf(error) ?? '')) throw error;
  }
  await cloneOrCopy(from, to);
  return 'copied';
}

/**
 * Removes a file, or a directory with all that is in it, also where directories are read-only. Permissions are changed
 * on directories alone, never on files (their other hard links would change too), and no symlink is followed. What is
 * gone already is no error.
 */
export async function removeTree(target: string): Promise<void> {
  const stat = await ifThere(lstat(target));
  if (stat === undefined) return;
  if (!stat.isDirectory()) {
    await ifThere(unlink(target));
    return;
  }
  await emptyDirectory(Buffer.from(target));
  await ifThere(rmdir(target));
}

/** Names are bytes here: what is to go need not be Unicode. */
async function emptyDirectory(directory: Buffer): Promise<void> {
  const entries = await ifThere(
    opened(directory, () => readdir(directory, { withFileTypes: true, encoding: 'buffer' })),
  );
  for (const entry of entries ?? []) {
    const child = Buffer.concat([directory, SLASH, entry.name]);
    if (entry.isDirectory()) await emptyDirectory(child);
    await ifThere(opened(directory, () => (entry.isDirectory() ? rmdir(child) : unlink(child))));
  }
}

/** Does `work` in `directory`; if its permissions forbid that, opens them for the owner and tries once more. */
async function opened<Value>(directory: Buffer, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    if (errnoOf(error) !== 'EACCES') throw error;
    if ((await lstat(directory)).isDirectory()) await chmod(directory, 0o700);
  }
  return work();
}

async function ifThere<Value>(promise: Promise<Value>): Promise<Value | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

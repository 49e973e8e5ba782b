/** One look at a path. */
import * as fs from 'node:fs';
import { errnoOf } from '../sys/errors.ts';

export interface FileStat {
  readonly kind: 'file' | 'directory' | 'other';
  /** Changes whenever contents or mode may have changed: mtime, ctime, size, inode, mode. */
  readonly key: string;
  /** Milliseconds; the kernel sets it at every change and no program can set it back. */
  readonly changed: number;
  readonly size: number;
  readonly executable: boolean;
  /** Device and inode, to find loops of directory links. */
  readonly identity: string;
}

/** Follows links. null: nothing there, or nothing that this user may reach. */
export function statFile(file: string): FileStat | null {
  const stat = bigintStat(file);
  if (stat === undefined) return null;
  return {
    kind: stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other',
    key: `${stat.mtimeNs}.${stat.ctimeNs}.${stat.size}.${stat.ino}.${stat.mode}`,
    changed: Number(stat.ctimeNs) / 1e6,
    size: Number(stat.size),
    executable: (stat.mode & 0o100n) !== 0n,
    identity: `${stat.dev}.${stat.ino}`,
  };
}

function bigintStat(file: string): fs.BigIntStats | undefined {
  try {
    return fs.statSync(file, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if (isOutOfReach(error)) return undefined;
    throw error;
  }
}

/** Errors that mean: for this user there is no such file. */
export function isOutOfReach(error: unknown): boolean {
  const code = errnoOf(error);
  return code !== null && ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ELOOP', 'ENAMETOOLONG', 'EISDIR'].includes(code);
}

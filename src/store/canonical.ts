/** Making what a builder left canonical, as Nix does: types, permissions, times. */
import { isUtf8 } from 'node:buffer';
import { lstatSync, readdirSync, readlinkSync, renameSync, chmodSync, utimesSync } from 'node:fs';
import * as path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { cloneOrCopy } from '../sys/copy.ts';
import { fileMask } from '../sys/ids.ts';
import { makeCanonical } from './place.ts';
import type { FileKind, FileStat } from './record.ts';
import type { RefusalReason } from './types.ts';
import { canonicalSeconds } from './record.ts';
import type { WorkDirectory } from './work.ts';

/** A directory of the store with its entries in the order of a NAR. */
export interface TreeDirectory {
  readonly kind: 'd';
  readonly entries: readonly { readonly name: string; readonly node: TreeNode }[];
}

export interface TreeFile {
  readonly kind: FileKind;
  /** Where the file lies now. */
  readonly file: string;
  readonly size: number;
  readonly inode: number;
  /** Milliseconds, of a file that keeps its own; without: the canonical one. */
  readonly mtime?: number;
  /** Of a symlink. */
  readonly target: string | null;
}

export type TreeNode = TreeDirectory | TreeFile;

export type Canonical =
  | { readonly ok: true; readonly tree: TreeDirectory }
  | { readonly ok: false; readonly file: string; readonly why: RefusalReason };

/** Thrown and caught within this file only. */
class Refusal extends Error {
  readonly file: string;
  readonly why: RefusalReason;
  constructor(file: string, why: RefusalReason) {
    super(why);
    this.file = file;
    this.why = why;
  }
}

/**
 * Makes all below `directory` canonical: files 0444 or 0555, directories 0555, all mtimes one second after 1970. The
 * directory itself is left writable: it still has to be moved. Sockets, fifos, devices, set-id files and names that are
 * not UTF-8 are refused.
 * Files with several links are replaced by copies first: one of the links may lie in rustc's incremental state, whose
 * files must stay writable. Files of the names `own` at the top get the permissions of the umask and keep their time.
 */
export async function canonicalise(
  work: WorkDirectory,
  directory: string,
  own: ReadonlySet<string> = new Set(),
): Promise<Canonical> {
  let seen = 0;
  const visit = async (place: string, name: string): Promise<TreeDirectory> => {
    const entries = [];
    for (const bytes of readdirSync(place, 'buffer').sort((one, other) => one.compare(other))) {
      if (++seen % 256 === 0) await nextTurn();
      const child = bytes.toString();
      const file = `${place}/${child}`;
      const relative = name === '' ? child : `${name}/${child}`;
      if (!isUtf8(bytes)) throw new Refusal(relative, 'name-not-utf8');
      const stat = lstatSync(file);
      if (stat.isDirectory()) {
        if ((stat.mode & 0o700) !== 0o700) chmodSync(file, 0o755);
        const node = await visit(file, relative);
        chmodSync(file, 0o555);
        utimesSync(file, canonicalSeconds, canonicalSeconds);
        entries.push({ name: child, node });
        continue;
      }
      if (stat.isSymbolicLink()) {
        makeCanonical(file, 'l');
        const target = readlinkSync(file, 'buffer');
        if (!isUtf8(target)) throw new Refusal(relative, 'target-not-utf8');
        const node: TreeFile = { kind: 'l', file, size: stat.size, inode: stat.ino, target: target.toString() };
        entries.push({ name: child, node });
        continue;
      }
      if (!stat.isFile()) throw new Refusal(relative, stat.isSocket() ? 'socket' : stat.isFIFO() ? 'fifo' : 'device');
      if ((stat.mode & 0o6000) !== 0) throw new Refusal(relative, 'set-id');
      const kind = (stat.mode & 0o100) === 0 ? 'f' : 'x';
      if (stat.nlink > 1) await replaceByCopy(work, file);
      const keeps = own.has(relative);
      if (keeps) chmodSync(file, (kind === 'x' ? 0o777 : 0o666) & ~fileMask());
      else makeCanonical(file, kind);
      const { ino: inode, mtimeMs } = stat.nlink > 1 ? lstatSync(file) : stat;
      const time = keeps ? { mtime: mtimeMs } : {};
      entries.push({ name: child, node: { kind, file, size: stat.size, inode, ...time, target: null } as const });
    }
    return { kind: 'd', entries };
  };
  try {
    return { ok: true, tree: await visit(directory, '') };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, file: error.file, why: error.why };
    throw error;
  }
}

/** The files of a tree as a record lists them. */
export function manifestOf(tree: TreeNode): FileStat[] {
  const files: FileStat[] = [];
  const visit = (node: TreeNode, name: string) => {
    if (node.kind !== 'd') files.push(statOf(name, node));
    else for (const entry of node.entries) visit(entry.node, path.posix.join(name, entry.name));
  };
  visit(tree, '');
  return files;
}

function statOf(name: string, { kind, size, inode, mtime }: TreeFile): FileStat {
  return mtime === undefined ? [name, kind, size, inode] : [name, kind, size, inode, mtime];
}

export function bytesOf(files: readonly FileStat[]): number {
  return files.reduce((sum, [, , size]) => sum + size, 0);
}

async function replaceByCopy(work: WorkDirectory, file: string): Promise<void> {
  const copy = work.fresh('copy');
  await cloneOrCopy(file, copy);
  renameSync(copy, file);
}

/** Putting one file, or one tree, into `target/`. Every file appears whole, under its name, by a rename or a link. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { storeDir } from '../nix/types.ts';
import { copyContents, removeTree as removeMeanwhile } from '../sys/copy.ts';
import { asideName } from '../sys/durable.ts';
import { errnoOf } from '../sys/errors.ts';
import { userIds } from '../sys/ids.ts';
import { type How, type Placed, type Sealed, seal } from './record.ts';

/** Another file system, too many links, a file that the kernel protects from links, no links at all. */
const unlinkable = new Set(['EXDEV', 'EMLINK', 'EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/**
 * A name for a file of the store that shares its contents; a copy where there can be no hard link. A file in the store
 * of the machine itself, or in another that is not this user's, is nobody's here to link: a symlink.
 */
export async function placeLink(from: string, to: string): Promise<Placed> {
  if (from.startsWith(`${storeDir}/`) || fs.lstatSync(from).uid !== userIds().uid) return placeSymlink(from, to);
  try {
    fs.linkSync(from, to);
    return placed(to, 'link');
  } catch (error) {
    const code = errnoOf(error) ?? '';
    if (unlinkable.has(code)) return placeCopy(from, to);
    if (code !== 'EEXIST') throw error;
  }
  if (sameFile(from, to)) return placed(to, 'link');
  // Not by a rename: ext4 then starts to write the whole file to the disk, 0.2 s for the library of a large crate.
  removeTree(to);
  return placeLink(from, to);
}

function placeSymlink(from: string, to: string): Placed {
  removeDirectoryAt(to);
  const aside = asideName(to);
  fs.symlinkSync(from, aside);
  fs.renameSync(aside, to);
  return placed(to, 'link');
}

/**
 * A file of its own with the permissions that a compiler's output has under the umask, and the present time. The one
 * before goes while it is copied: to free a large executable takes a third of that time, and ext4 writes all of a file to
 * the disk that is renamed onto another.
 */
export async function placeCopy(from: string, to: string): Promise<Placed> {
  const executable = (fs.statSync(from).mode & 0o111) !== 0;
  const aside = asideName(to);
  try {
    // Created first: the kernel applies the umask, which is read back. Copying sets the mode of the store's file.
    const fd = fs.openSync(aside, 'wx', executable ? 0o777 : 0o666);
    const { mode } = fs.fstatSync(fd);
    fs.closeSync(fd);
    await Promise.all([removeOld(to), copyContents(from, aside)]);
    fs.chmodSync(aside, mode & 0o777);
    fs.renameSync(aside, to);
  } catch (error) {
    fs.rmSync(aside, { force: true });
    throw error;
  }
  return placed(to, 'copy');
}

async function removeOld(target: string): Promise<void> {
  if (!fs.lstatSync(target, { throwIfNoEntry: false })) return;
  const aside = asideName(target);
  fs.renameSync(target, aside);
  await removeMeanwhile(aside);
}

/** A text that is made here. */
export function placeText(text: string | Uint8Array, to: string): Placed {
  removeDirectoryAt(to);
  const aside = asideName(to);
  fs.writeFileSync(aside, text, { flag: 'wx' });
  fs.renameSync(aside, to);
  return placed(to, 'text');
}

/**
 * A tree of directories whose files are placed as links; what was there is gone afterwards. Directories are the
 * user's own (writable); symlinks stay what they are. Returns every directory, sealed.
 */
export async function placeTree(from: string, to: string): Promise<Sealed[]> {
  const aside = asideName(to);
  try {
    await fillTree(from, aside);
    removeTree(to);
    fs.renameSync(aside, to);
  } catch (error) {
    removeTree(aside);
    throw error;
  }
  return sealTree(to);
}

/** Removes a file or a tree, also one with read-only directories. */
export function removeTree(target: string): void {
  const stat = fs.lstatSync(target, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isDirectory()) return fs.rmSync(target, { force: true });
  if ((stat.mode & 0o300) !== 0o300) fs.chmodSync(target, 0o700);
  for (const name of fs.readdirSync(target)) removeTree(path.join(target, name));
  fs.rmdirSync(target);
}

async function fillTree(from: string, to: string): Promise<void> {
  fs.mkdirSync(to);
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)];
    if (entry.isDirectory()) await fillTree(source, target);
    else if (entry.isSymbolicLink()) fs.symlinkSync(fs.readlinkSync(source), target);
    else await placeLink(source, target);
  }
}

function sealTree(directory: string): Sealed[] {
  const inner = fs
    .readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => sealTree(path.join(directory, entry.name)));
  return [seal(directory), ...inner];
}

function sameFile(a: string, b: string): boolean {
  const [left, right] = [fs.lstatSync(a), fs.lstatSync(b, { throwIfNoEntry: false })];
  return right !== undefined && left.ino === right.ino && left.dev === right.dev;
}

/** A directory under the name of a file would make the rename fail. */
function removeDirectoryAt(to: string): void {
  const stat = fs.lstatSync(to, { throwIfNoEntry: false });
  if (stat?.isDirectory()) removeTree(to);
}

function placed(file: string, how: How): Placed {
  const stat = fs.lstatSync(file);
  return [file, how, stat.size, stat.mtimeMs, stat.ino];
}

/** Sources on their way into the store. */
import {
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  futimesSync,
  fchmodSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from 'node:fs';
import { cloneOrCopy } from '../sys/copy.ts';
import { errnoOf } from '../sys/errors.ts';
import { sha256Stream } from '../nix/hash.ts';
import { compareBytes } from '../nix/order.ts';
import { sourcePath, splitStorePath } from '../nix/store-path.ts';
import type { NarNode, StorePath } from '../nix/types.ts';
import { type TreeDirectory, type TreeFile, bytesOf, manifestOf } from './canonical.ts';
import { unreadableSource, wrongContents } from './failures.ts';
import { hashNar, readChunks } from './hashing.ts';
import { makeCanonical } from './place.ts';
import { type PathRecord, canonicalSeconds } from './record.ts';
import type { WorkDirectory } from './work.ts';

/** Contents in the work directory, ready to be placed. */
export interface Prepared {
  readonly content: string;
  readonly record: PathRecord;
}

/** Files above this size are cloned and then read in pieces; below it one read and one write are cheaper. */
const LARGE = 1 << 20;

/**
 * Copies `from` and hashes the copy. Throws a `UserError` when it cannot be read, or when its sha256 is another than
 * the one expected.
 */
export function prepareFile(
  work: WorkDirectory,
  storePath: StorePath,
  from: string,
  sha256: string,
): Promise<Prepared> {
  return work.making('file', async (content) => {
    await readable(from, () => cloneOrCopy(from, content));
    const flat = sha256Stream();
    const { size } = lstatSync(content);
    const contents = async function* () {
      for await (const chunk of readChunks(content)) {
        flat.update(chunk);
        yield chunk;
      }
    };
    const nar = await hashNar({ type: 'regular', executable: false, size, contents });
    const found = flat.digest();
    if (found !== sha256) throw wrongContents(from, sha256, found);
    makeCanonical(content, 'f');
    const { ino } = lstatSync(content);
    const record = sourceRecord(storePath, nar, { kind: 'f', file: content, size, inode: ino, target: null });
    return { content, record };
  });
}

/** Copies chosen files into a tree and hashes what was copied: the path that the copy has is in the result. */
export function prepareTree(
  work: WorkDirectory,
  storePath: StorePath,
  files: ReadonlyMap<string, string>,
): Promise<Prepared & { readonly actual: StorePath }> {
  return work.making('tree', async (content) => {
    mkdirSync(content);
    const { tree, nar } = copyDirectory(content, nest(files));
    const hashed = await hashNar(nar);
    const actual = sourcePath(splitStorePath(storePath).name, hashed.narHash);
    return { content, actual, record: sourceRecord(storePath, hashed, tree) };
  });
}

export function hostDirectoryRecord(storePath: StorePath, from: string, references: readonly StorePath[]): PathRecord {
  return {
    version: 1,
    path: storePath,
    lane: 'pure',
    origin: 'host-directory',
    from,
    narHash: null,
    narSize: null,
    bytes: 0,
    references,
    deriver: null,
    registeredAt: Date.now(),
    files: [],
  };
}

function sourceRecord(
  storePath: StorePath,
  nar: { narHash: string; narSize: number },
  node: TreeDirectory | TreeFile,
): PathRecord {
  const files = manifestOf(node);
  return {
    version: 1,
    path: storePath,
    lane: 'pure',
    origin: 'source',
    from: null,
    narHash: nar.narHash,
    narSize: nar.narSize,
    bytes: bytesOf(files),
    references: [],
    deriver: null,
    registeredAt: Date.now(),
    files,
  };
}

type Nested = Map<string, Nested | string>;

/** Relative paths -> directories. A name that leaves the tree, or is a file and a directory, is a bug of the caller. */
function nest(files: ReadonlyMap<string, string>): Nested {
  const top: Nested = new Map();
  for (const [relative, file] of files) {
    const names = relative.split('/');
    const last = names.pop() ?? '';
    if ([...names, last].some((name) => name === '' || name === '.' || name === '..'))
      throw new Error(`not a name in a tree: ${relative}`);
    let place = top;
    for (const name of names) {
      const next = place.get(name) ?? new Map();
      if (typeof next === 'string') throw new Error(`a file and a directory in one tree: ${relative}`);
      place.set(name, next);
      place = next;
    }
    if (place.has(last)) throw new Error(`twice in one tree: ${relative}`);
    place.set(last, file);
  }
  return top;
}

function copyDirectory(place: string, nested: Nested): { tree: TreeDirectory; nar: NarNode } {
  const copies = [...nested]
    .toSorted(([left], [right]) => compareBytes(left, right))
    .map(([name, what]) => {
      const to = `${place}/${name}`;
      if (typeof what === 'string') return { name, ...copyEntry(what, to) };
      mkdirSync(to);
      const copied = copyDirectory(to, what);
      closeDirectory(to);
      return { name, ...copied };
    });
  return {
    tree: { kind: 'd', entries: copies.map(({ name, tree }) => ({ name, node: tree })) },
    nar: { type: 'directory', entries: copies.map(({ name, nar }) => ({ name, node: nar })) },
  };
}

/** Links are read through: where they lead means nothing elsewhere. */
function copyEntry(from: string, to: string): { tree: TreeFile; nar: NarNode } {
  return readableSync(from, () => {
    const stat = statSync(from);
    const kind = (stat.mode & 0o100) === 0 ? 'f' : 'x';
    if (stat.size > LARGE) {
      copyFileSync(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      makeCanonical(to, kind);
      const { size, ino } = lstatSync(to);
      const nar: NarNode = { type: 'regular', executable: kind === 'x', size, contents: () => readChunks(to) };
      return { tree: { kind, file: to, size, inode: ino, target: null }, nar };
    }
    const contents = readFileSync(from);
    const inode = writeCanonical(to, contents, kind);
    const nar: NarNode = { type: 'regular', executable: kind === 'x', size: contents.length, contents };
    return { tree: { kind, file: to, size: contents.length, inode, target: null }, nar };
  });
}

/** Writes a new file with canonical permissions and time; its inode comes back. */
export function writeCanonical(file: string, contents: Uint8Array, kind: 'f' | 'x'): number {
  const mode = kind === 'x' ? 0o555 : 0o444;
  const fd = openSync(file, 'wx', mode);
  try {
    for (let offset = 0; offset < contents.length; ) offset += writeSync(fd, contents, offset);
    futimesSync(fd, canonicalSeconds, canonicalSeconds);
    const stat = fstatSync(fd);
    if ((stat.mode & 0o777) !== mode) fchmodSync(fd, mode);
    return stat.ino;
  } finally {
    closeSync(fd);
  }
}

function closeDirectory(directory: string): void {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fchmodSync(fd, 0o555);
    futimesSync(fd, canonicalSeconds, canonicalSeconds);
  } finally {
    closeSync(fd);
  }
}

async function readable<Value>(file: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    throw blamed(file, error);
  }
}

function readableSync<Value>(file: string, work: () => Value): Value {
  try {
    return work();
  } catch (error) {
    throw blamed(file, error);
  }
}

/** Only what is wrong with reading the source is the source's fault; a full disk is not. */
function blamed(file: string, error: unknown): unknown {
  return SOURCE_FAULTS.has(errnoOf(error) ?? '') ? unreadableSource(file, error) : error;
}

const SOURCE_FAULTS = new Set(['ENOENT', 'EACCES', 'EISDIR', 'ENOTDIR', 'ELOOP', 'EIO']);

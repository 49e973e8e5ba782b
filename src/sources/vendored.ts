/** Packages of a directory source (cargo book, "Directory Sources"): what `.cargo-checksum.json` lists, verified. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Package } from '../cargo/types.ts';
import { errnoOf, UserError } from '../sys/errors.ts';
import { sha256 } from '../nix/hash.ts';
import type { FileCache } from './file-cache.ts';
import type { Memory } from './memory.ts';
import { type Tree, treeOf } from './tree.ts';

const checksumName = '.cargo-checksum.json';

export interface Checksums {
  readonly package: string | null;
  readonly files: Readonly<Record<string, string>>;
}

/**
 * The tree of everything that the checksum file lists. Files are read only where a stat is new since they were verified.
 * Throws D0403 (the checksum file is missing or does not parse), D0404 (it is for another archive than Cargo.lock names)
 * or D0405 (a file is not the listed one).
 */
export function vendoredTree(pkg: Package, locked: string | null, cache: FileCache, memory: Memory): Tree {
  const checksums = readChecksums(pkg, locked, cache);
  const files = new Map<string, string>();
  let racy = false;
  let stamp = sha256(JSON.stringify(checksums));
  const keys: string[] = [];
  for (const relative of Object.keys(checksums.files)) {
    const file = path.join(pkg.root, relative);
    const stat = cache.statUnwatched(file);
    if (stat !== null) racy ||= cache.isRacy(stat);
    keys.push(stat?.kind === 'file' ? stat.key : '');
    files.set(path.posix.normalize(relative), file);
  }
  stamp = sha256(`${stamp} ${keys.join(' ')}`);
  const known = memory.vendored.get(pkg.root);
  if (known?.stamp === stamp) return { path: known.path, files };
  for (const [relative, expected] of Object.entries(checksums.files)) {
    const file = path.join(pkg.root, relative);
    const actual = cache.hashUnremembered(file);
    if (actual !== expected) throw changedFile(file, expected, actual);
  }
  const tree = treeOf(`${pkg.name}-${pkg.version}-source`, files, cache, memory);
  if (!racy) memory.vendored.set(pkg.root, { stamp, path: tree.path });
  return tree;
}

function changedFile(file: string, expected: string, actual: string | null): UserError {
  return new UserError(
    'D0405',
    `the listed checksum of \`${file}\` has changed:\n  expected: ${expected}\n  actual:   ${actual ?? '(no such file)'}`,
    'directory sources are not intended to be edited: restore the file, or use `[patch]` with a copy of the source',
  );
}

/** What the package's checksum file says; D0403 or D0404 if it says nothing or is another package's. */
export function readChecksums(pkg: Package, locked: string | null, cache: FileCache): Checksums {
  const file = path.join(pkg.root, checksumName);
  cache.watch(file);
  const checksums = parseChecksums(pkg, file);
  if (locked === null || checksums.package === null || locked === checksums.package) return checksums;
  throw new UserError(
    'D0404',
    `${file} is for another package than Cargo.lock names\n  expected: ${locked}\n  actual:   ${checksums.package}`,
    'vendor the dependencies again (`cargo vendor`), or restore the directory or Cargo.lock',
  );
}

function parseChecksums(pkg: Package, file: string): Checksums {
  let problem: string;
  try {
    const checksums = checked(JSON.parse(fs.readFileSync(file, 'utf8')), pkg.root);
    if (checksums !== null) return checksums;
    problem = 'does not list files with their checksums';
  } catch (error) {
    if (!(error instanceof SyntaxError) && errnoOf(error) === null) throw error;
    problem = error instanceof SyntaxError ? 'does not parse' : 'cannot be read';
  }
  throw new UserError(
    'D0403',
    `${file} of \`${pkg.name} ${pkg.version}\` ${problem}`,
    'vendor the dependencies again: `cargo vendor`',
  );
}

/** null: not what cargo writes, or a listed name leads out of the package. */
function checked(value: unknown, root: string): Checksums | null {
  if (typeof value !== 'object' || value === null) return null;
  const { package: archive, files } = value as { package?: unknown; files?: unknown };
  if (typeof files !== 'object' || files === null) return null;
  for (const [name, checksum] of Object.entries(files)) {
    if (typeof checksum !== 'string' || !path.resolve(root, name).startsWith(`${root}/`)) return null;
  }
  return { package: typeof archive === 'string' ? archive : null, files: files as Record<string, string> };
}

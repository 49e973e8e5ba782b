/** Packages of a directory source (cargo book, "Directory Sources"): what `.cargo-checksum.json` lists, verified. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Package } from '../cargo/types.ts';
import { errnoOf, UserError } from '../sys/errors.ts';
import type { FileCache } from './file-cache.ts';

const checksumName = '.cargo-checksum.json';

interface Checksums {
  readonly package: string | null;
  readonly files: Readonly<Record<string, string>>;
}

/**
 * Relative path -> absolute file of everything that the checksum file lists. Throws D0403 (the checksum file is missing
 * or does not parse), D0404 (it is for another archive than Cargo.lock names) or D0405 (a file is not the listed one).
 */
export function vendoredFiles(pkg: Package, locked: string | null, cache: FileCache): ReadonlyMap<string, string> {
  const checksumFile = path.join(pkg.root, checksumName);
  cache.watch(checksumFile);
  const checksums = readChecksums(pkg, checksumFile);
  if (locked !== null && checksums.package !== null && locked !== checksums.package) {
    throw new UserError(
      'D0404',
      `${checksumFile} is for another package than Cargo.lock names\n  expected: ${locked}\n  actual:   ${checksums.package}`,
      'vendor the dependencies again (`cargo vendor`), or restore the directory or Cargo.lock',
    );
  }
  const files = new Map<string, string>();
  for (const [relative, expected] of Object.entries(checksums.files)) {
    const file = path.join(pkg.root, relative);
    const isFile = cache.statUnwatched(file)?.kind === 'file';
    const actual = isFile ? cache.hash(file) : null;
    if (actual !== expected) throw changedFile(file, expected, actual);
    files.set(path.posix.normalize(relative), file);
  }
  return files;
}

function changedFile(file: string, expected: string, actual: string | null): UserError {
  return new UserError(
    'D0405',
    `the listed checksum of \`${file}\` has changed:\n  expected: ${expected}\n  actual:   ${actual ?? '(no such file)'}`,
    'directory sources are not intended to be edited: restore the file, or use `[patch]` with a copy of the source',
  );
}

function readChecksums(pkg: Package, file: string): Checksums {
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

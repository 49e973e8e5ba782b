/** Reads a registry package's `.crate` archive: a gzipped tar (POSIX `pax` page, "ustar Interchange Format"). */
import * as fs from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { sha256 } from '../nix/hash.ts';
import { UserError } from '../sys/errors.ts';

export interface ArchiveFile {
  /** Relative to the package's root: the archive's own top directory is taken off. */
  readonly path: string;
  readonly contents: Buffer;
}

/**
 * The regular files of an archive whose hash is `checksum` (hex). null: there is no such archive on this machine.
 * Throws D0402 if its hash is another.
 */
export function readCrateArchive(archive: string, checksum: string): ArchiveFile[] | null {
  if (!fs.existsSync(archive)) return null;
  const packed = fs.readFileSync(archive);
  const actual = sha256(packed);
  if (actual !== checksum) {
    throw new UserError(
      'D0402',
      `${archive} is not the archive that Cargo.lock names\n  expected: ${checksum}\n  actual:   ${actual}`,
      'remove the file: cargo will download the package again',
    );
  }
  return [...tarFiles(gunzipSync(packed))];
}

const blockSize = 512;

function* tarFiles(tar: Buffer): Generator<ArchiveFile> {
  let longName: string | null = null;
  for (let at = 0; at + blockSize <= tar.length; ) {
    const header = tar.subarray(at, at + blockSize);
    if (header[0] === 0) return;
    const size = Number.parseInt(field(header, 124, 12), 8) || 0;
    const contents = tar.subarray(at + blockSize, at + blockSize + size);
    at += blockSize + Math.ceil(size / blockSize) * blockSize;
    const type = String.fromCharCode(header[156] ?? 0);
    if (type === 'L') longName = contents.toString('utf8').replace(/\0.*$/s, '');
    else if (type === 'x') longName = paxPath(contents) ?? longName;
    else {
      if (type === '0' || type === '\0') yield { path: withoutTop(longName ?? headerName(header)), contents };
      longName = null;
    }
  }
}

function headerName(header: Buffer): string {
  const isUstar = field(header, 257, 5) === 'ustar';
  const prefix = isUstar && header[262] === 0 ? field(header, 345, 155) : '';
  return prefix === '' ? field(header, 0, 100) : `${prefix}/${field(header, 0, 100)}`;
}

function field(header: Buffer, offset: number, length: number): string {
  return header
    .toString('utf8', offset, offset + length)
    .replace(/\0.*$/s, '')
    .trim();
}

/** Records are `<length> <key>=<value>\n`. */
function paxPath(records: Buffer): string | null {
  return /(?:^|\n)\d+ path=([^\n]*)\n/.exec(records.toString('utf8'))?.[1] ?? null;
}

function withoutTop(name: string): string {
  return name.slice(name.indexOf('/') + 1);
}

/** Reads a registry package's `.crate`: a gzipped tar whose only top directory is `<name>-<version>`. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { errnoOf, failure, type Result, success, UserError } from '../sys/errors.ts';

const block = 512;
const smallestChunk = 16 * 1024;
const largestChunk = 64 * 1024 * 1024;

export type ArchiveFailure =
  | { readonly why: 'missing' }
  | { readonly why: 'checksum'; readonly found: string }
  | { readonly why: 'damaged' };

/** Regular files of an archive by their path below its top directory. */
export type CrateFiles = ReadonlyMap<string, Buffer>;

/** The files of the archive at `path`, whose bytes must have the checksum `sha256`. */
export function readCrate(path: string, sha256: string): Result<CrateFiles, ArchiveFailure> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return failure({ why: 'missing' });
    throw error;
  }
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== sha256) return failure({ why: 'checksum', found });
  try {
    return success(filesOfTar(gunzipSync(bytes, { chunkSize: unpackedSize(bytes) })));
  } catch {
    return failure({ why: 'damaged' });
  }
}

/** D0123: why the archive of `label` cannot be used. */
export function unusable(label: string, archive: string, sha256: string, reason: ArchiveFailure): UserError {
  const what: Record<ArchiveFailure['why'], string> = {
    missing: 'it is missing',
    checksum: `its sha256 is ${reason.why === 'checksum' ? reason.found : ''}, Cargo.lock names ${sha256}`,
    damaged: 'it cannot be unpacked',
  };
  return new UserError(
    'D0123',
    `the archive of \`${label}\` cannot be used: ${what[reason.why]}\n  file:    ${archive}`,
    'delete the file and run `cargo fetch`, which downloads it again',
  );
}

/** What the file says of its content's size, so that it is unpacked in one piece: a hint. Rule: RFC 1952, ISIZE. */
function unpackedSize(gzip: Buffer): number {
  const said = gzip.length < 4 ? 0 : gzip.readUInt32LE(gzip.length - 4);
  // One byte more, or zlib asks for a second piece.
  return Math.min(Math.max(said + 1, smallestChunk), largestChunk);
}

/** The last entry of each name stays, as unpacking would leave it. Rule: POSIX ustar and pax, GNU long names. */
function filesOfTar(tar: Buffer): CrateFiles {
  const files = new Map<string, Buffer>();
  let longName: string | null = null;
  for (let at = 0; at + block <= tar.length; ) {
    const header = tar.subarray(at, at + block);
    if (header[0] === 0) break;
    const size = Number.parseInt(text(header, 124, 12).trim() || '0', 8);
    const type = text(header, 156, 1);
    const body = tar.subarray(at + block, at + block + size);
    at += block + Math.ceil(size / block) * block;
    if (type === 'L') {
      longName = body.toString('utf8').replace(/\0+$/, '');
      continue;
    }
    if (type === 'x') {
      longName = /^\d+ path=(.*)$/m.exec(body.toString('utf8'))?.[1] ?? longName;
      continue;
    }
    if (type === 'g') continue;
    // GNU headers hold other things where POSIX has the prefix.
    const prefix = text(header, 257, 6) === 'ustar' ? text(header, 345, 155) : '';
    const name = longName ?? (prefix === '' ? text(header, 0, 100) : `${prefix}/${text(header, 0, 100)}`);
    longName = null;
    if (type === '0' || type === '') files.set(name.slice(name.indexOf('/') + 1), body);
  }
  return files;
}

function text(header: Buffer, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? length : end).toString('utf8');
}

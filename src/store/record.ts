/** The record of a valid path: one small JSON file. */
import { storeDir } from '../nix/types.ts';
import type { StorePath } from '../nix/types.ts';
import type { Lane } from './types.ts';

/** mtime of everything in the store: one second after 1970, as in Nix. */
export const canonicalSeconds = 1;

/** `f` regular, `x` executable, `l` symlink. Directories are not listed: their contents are. */
export type FileKind = 'f' | 'x' | 'l';

/**
 * One file as it was when its path became valid; `name` relative to the path, empty for the path itself. `mtime`:
 * milliseconds; not written down where it is the canonical one.
 */
export type FileStat = readonly [name: string, kind: FileKind, size: number, inode: number, mtime?: number];

export interface PathRecord {
  readonly version: 1;
  readonly path: StorePath;
  readonly lane: Lane;
  /** `output`: of a build; valid only while its references are. `host-directory`: contents lie at `from`. */
  readonly origin: 'source' | 'text' | 'output' | 'host-directory';
  readonly from: string | null;
  /** null in the dev lane and for host directories. */
  readonly narHash: string | null;
  readonly narSize: number | null;
  /** Sum of the files' sizes. */
  readonly bytes: number;
  readonly references: readonly StorePath[];
  readonly deriver: string | null;
  /** Milliseconds since 1970. */
  readonly registeredAt: number;
  readonly files: readonly FileStat[];
}

/** A record's text -> the record; a string: why it is none. Trusts nothing: disks and people damage files. */
export function parseRecord(text: string): PathRecord | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'is not JSON';
  }
  return recordProblem(value) ?? (value as PathRecord);
}

/** Why a value is no record; null: it is one. Plain loops: this runs for every path of a build with nothing to do. */
export function recordProblem(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return 'is not an object';
  const record = value as Partial<PathRecord>;
  if (record.version !== 1) return `has version ${String(record.version)}`;
  if (!isStorePath(record.path)) return 'names no store path';
  if (record.lane !== 'pure' && record.lane !== 'dev') return 'names no lane';
  if (!origins.has(record.origin)) return 'has an unknown origin';
  if (record.origin === 'host-directory' && typeof record.from !== 'string') return 'names no host directory';
  if (typeof record.bytes !== 'number') return 'has no size';
  if (!Array.isArray(record.references)) return 'has no references';
  for (const reference of record.references as unknown[]) if (!isStorePath(reference)) return 'has no references';
  if (!Array.isArray(record.files)) return 'has no list of files';
  for (const file of record.files as unknown[]) if (!isFileStat(file)) return 'has no list of files';
  return null;
}

const origins: ReadonlySet<unknown> = new Set<PathRecord['origin']>(['source', 'text', 'output', 'host-directory']);

/** Enough to take the path apart; what it names is looked at anyway. */
function isStorePath(value: unknown): boolean {
  return typeof value === 'string' && value.startsWith(`${storeDir}/`) && value.indexOf('/', storeDir.length + 1) < 0;
}

function isFileStat(value: unknown): boolean {
  if (!Array.isArray(value) || value.length < 4 || value.length > 5) return false;
  const kind: unknown = value[1];
  return (
    typeof value[0] === 'string' &&
    (kind === 'f' || kind === 'x' || kind === 'l') &&
    typeof value[2] === 'number' &&
    typeof value[3] === 'number' &&
    (value.length === 4 || typeof value[4] === 'number')
  );
}

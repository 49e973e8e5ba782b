/** What the system refuses outside of the store, as errors that say what to do. */
import { statfsSync } from 'node:fs';
import type { PlannedUnit } from '../plan/types.ts';
import { storeFailure, storeIsFull } from '../store/failures.ts';
import { UserError, errnoOf } from '../sys/errors.ts';

const full = new Set(['ENOSPC', 'EDQUOT']);
const forbidden = new Set(['EACCES', 'EPERM', 'EROFS']);

/**
 * A `UserError` D1001, D1002 or D1003 (below `store`: D0502, D0503) for a full file system, a lack of permission, and whatever else the system refused
 * to do with a file; anything else as it is.
 */
export function explained(error: unknown, store: string): unknown {
  const code = errnoOf(error) ?? '';
  if (!(error instanceof Error)) return error;
  if (placeOf(error).startsWith(`${store}/`)) {
    const told = storeFailure(store, error);
    if (told !== error) return told;
  }
  if (full.has(code)) return fileSystemIsFull(error.message, error);
  if (forbidden.has(code)) {
    return new UserError(
      'D1002',
      `this user may not write or read something that the build needs\n  because: ${error.message}`,
      'give this user the directory, or name another one (`--target-dir`, CARGO_TARGET_DIR)',
      { cause: error },
    );
  }
  if (code !== '' && 'syscall' in error) {
    return new UserError(
      'D1003',
      `the system refused something that the build needs\n  because: ${error.message}`,
      'move what is in the way, such as a directory with the name of a file, and build again',
      { cause: error },
    );
  }
  return error;
}

/** A unit has failed and said that there was no room: in the store, or where its incremental state is. */
export function noRoomFor({ package: { name, version } }: PlannedUnit, store: string, targetDir: string): UserError {
  const because = `results of \`${name} ${version}\` could not be written`;
  return free(store) <= free(targetDir) ? storeIsFull(store, because) : fileSystemIsFull(`${because} to ${targetDir}`);
}

/** What was read or written; of a copy, what was written. */
function placeOf(error: Error): string {
  if ('dest' in error) return String(error.dest);
  return 'path' in error ? String(error.path) : '';
}

function free(place: string): number {
  const { bavail, bsize } = statfsSync(place);
  return bavail * bsize;
}

function fileSystemIsFull(because: string, cause?: unknown): UserError {
  const todo = 'make room there, and build again: what was finished is kept';
  return new UserError('D1001', `a file system is full\n  because: ${because}`, todo, { cause });
}

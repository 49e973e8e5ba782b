/** Errors of the system that a user can mend, as `UserError`s. */
import { UserError, errnoOf } from '../sys/errors.ts';

const FULL = new Set(['ENOSPC', 'EDQUOT']);
const FORBIDDEN = new Set(['EACCES', 'EPERM', 'EROFS']);

/** Does `work` on the store at `root`; a full disk and a lack of permission become errors that say what to do. */
export async function guarded<Value>(root: string, work: () => Value | Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    throw storeFailure(root, error);
  }
}

/** A full disk or a lack of permission as a `UserError` of the store at `root`; anything else as it is. */
export function storeFailure(root: string, error: unknown): unknown {
  const code = errnoOf(error) ?? '';
  const message = error instanceof Error ? error.message : '';
  if (FULL.has(code)) return storeIsFull(root, message, error);
  if (FORBIDDEN.has(code)) {
    return new UserError(
      'D0503',
      `the store cannot be written\n  store:   ${root}\n  because: ${message}`,
      'give this user the directory, or set DRYDOCK_STORE to a directory that belongs to this user',
      { cause: error },
    );
  }
  return error;
}

/** `because`: how that was found out. */
export function storeIsFull(root: string, because: string, cause?: unknown): UserError {
  return new UserError(
    'D0502',
    `the file system of the store is full\n  store:   ${root}\n  because: ${because}`,
    'make room there (`drydock gc` removes old outputs), or set DRYDOCK_STORE to a directory on another file system',
    { cause },
  );
}

export function newerFormat(root: string, found: string): UserError {
  return new UserError(
    'D0501',
    `the store was made by a newer drydock, or its format file is damaged\n  store:   ${root}\n  format:  ${JSON.stringify(found)}`,
    'use that drydock, or set DRYDOCK_STORE to another directory',
  );
}

export function wrongContents(file: string, expected: string, found: string): UserError {
  return new UserError(
    'D0504',
    `${file} is not what its checksum names\n  expected: sha256 ${expected}\n  found:    sha256 ${found}`,
    'remove the file, so that cargo fetches it again (`cargo fetch`); if it comes back like this, do not build it',
  );
}

export function unreadableSource(file: string, error: unknown): UserError {
  const because = error instanceof Error ? error.message : String(error);
  return new UserError(
    'D0505',
    `a file that the build needs cannot be read: ${file}\n  because: ${because}`,
    'make it readable, or build again if it was removed meanwhile',
    { cause: error },
  );
}

/** What the system refuses outside of the store, as errors that say what to do. */
import { UserError, errnoOf } from '../sys/errors.ts';

const full = new Set(['ENOSPC', 'EDQUOT']);
const forbidden = new Set(['EACCES', 'EPERM', 'EROFS']);

/**
 * A `UserError` D1001, D1002 or D1003 for a full file system, a lack of permission, and whatever else the system refused
 * to do with a file; anything else as it is.
 */
export function explained(error: unknown): unknown {
  const code = errnoOf(error) ?? '';
  if (!(error instanceof Error)) return error;
  if (full.has(code)) {
    return new UserError(
      'D1001',
      `a file system is full\n  because: ${error.message}`,
      'make room there, and build again: what was finished is kept',
      { cause: error },
    );
  }
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

/** What the system refuses outside of the store, as errors that say what to do. */
import { UserError, errnoOf } from '../sys/errors.ts';

const full = new Set(['ENOSPC', 'EDQUOT']);
const forbidden = new Set(['EACCES', 'EPERM', 'EROFS']);

/** A `UserError` D1001 or D1002 for a full file system or a lack of permission; anything else as it is. */
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
  return error;
}

/** Something that a user can cause and can mend. Everything else that is thrown is a bug. */
export class UserError extends Error {
  /** Stable, `D` and four digits; listed in docs/errors.md. */
  readonly code: string;
  /** What was seen: one sentence without a full stop, then more lines where they help. */
  readonly seen: string;
  /** What to do about it. */
  readonly todo: string;

  constructor(code: string, seen: string, todo: string, options?: ErrorOptions) {
    super(`error[${code}]: ${seen}\n  to do:   ${todo}`, options);
    this.name = 'UserError';
    this.code = code;
    this.seen = seen;
    this.todo = todo;
  }
}

/** An expected outcome: a value, or the reason why there is none. */
export type Result<Value, Failure> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly failure: Failure };

export function success<Value>(value: Value): { readonly ok: true; readonly value: Value } {
  return { ok: true, value };
}

export function failure<Failure>(reason: Failure): { readonly ok: false; readonly failure: Failure } {
  return { ok: false, failure: reason };
}

/** The code of a system error (`ENOENT`, …), null for anything else. */
export function errnoOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}

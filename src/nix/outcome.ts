/** What reading a format comes to: the value, or where and why the text or bytes are not in that format. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | {
      readonly ok: false;
      /** Offset of the first thing that does not fit: characters of a text, bytes of a NAR. */
      readonly position: number;
      readonly message: string;
    };

export function parsed<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

export function malformed(position: number, message: string): { ok: false; position: number; message: string } {
  return { ok: false, position, message };
}

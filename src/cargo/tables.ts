/** Careful reading of what was parsed from TOML or JSON. */

/** By code point, as Rust compares strings. */
export function compare(a: string, b: string): number {
  if (a === b) return 0;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** A field of something parsed from TOML or JSON; undefined where it is no table or has no such field. */
export function fieldOf(value: unknown, key: string): unknown {
  return isTable(value) ? value[key] : undefined;
}

export function textOf(value: unknown, key: string): string {
  const found = fieldOf(value, key);
  return typeof found === 'string' ? found : '';
}

export function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  return isTable(value) ? Object.entries(value) : [];
}

function isTable(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

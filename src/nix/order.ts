/** Nix sorts strings by their bytes; JavaScript by UTF-16 units, which differs above U+FFFF. */

const surrogate = /[\uD800-\uDFFF]/;

/** Order of two strings by the bytes of their UTF-8. */
export function compareBytes(left: string, right: string): number {
  const shorter = Math.min(left.length, right.length);
  for (let index = 0; index < shorter; index++) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a !== b) return rank(a) - rank(b);
  }
  return left.length - right.length;
}

/** A new array, sorted by the bytes of the strings' UTF-8. */
export function sortedByBytes(strings: readonly string[]): string[] {
  return strings.some((text) => surrogate.test(text)) ? strings.toSorted(compareBytes) : strings.toSorted();
}

/** A new array, sorted by bytes, each string once. */
export function sortedSet(strings: readonly string[]): string[] {
  return withoutRepeats(sortedByBytes(strings));
}

/** Drops every string that equals the one before it. */
export function withoutRepeats(sorted: string[]): string[] {
  for (let index = 1; index < sorted.length; index++) {
    if (sorted[index] === sorted[index - 1])
      return sorted.filter((text, place) => place === 0 || text !== sorted[place - 1]);
  }
  return sorted;
}

/** Own entries of a record, sorted by the bytes of their names. */
export function sortedEntries<V>(record: Readonly<Record<string, V>>): [string, V][] {
  const entries = Object.entries(record);
  return entries.toSorted(([left], [right]) => compareBytes(left, right));
}

/** Surrogate pairs stand for code points above all single units, so they rank above U+E000..U+FFFF. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

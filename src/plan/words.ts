/**
 * A word list: what the builder reads with `eval "set -- $list"`. Every word is quoted, so nothing in it is ever
 * taken for shell syntax (POSIX.1-2024, XCU 2.2.2: single quotes preserve each character).
 */
export function wordList(words: readonly string[]): string {
  return words.map(quote).join(' ');
}

function quote(word: string): string {
  return word.includes("'") ? `'${word.replaceAll("'", String.raw`'\''`)}'` : `'${word}'`;
}

/** Word list of `NAME=value`, sorted by name so that equal environments give equal derivations. */
export function assignments(environment: ReadonlyMap<string, string>): string {
  const names = [...environment.keys()].sort();
  return names.map((name) => quote(`${name}=${environment.get(name) ?? ''}`)).join(' ');
}

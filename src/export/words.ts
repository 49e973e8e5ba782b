/** Reads the lists of words that a derivation's environment holds: see "The builders and their derivations". */
import { assignments, wordList } from '../plan/words.ts';

/** The words of a word list; null where the text is not what `wordList` writes for them. */
export function wordsOf(text: string): readonly string[] | null {
  if (text === '') return [];
  const words = text
    .slice(1, -1)
    .split(/(?<!\\)' '/)
    .map((word) => word.replaceAll(String.raw`'\''`, "'"));
  return wordList(words) === text ? words : null;
}

/** The variables of a list of assignments; null where Nix's order of names would give another text. */
export function variablesOf(text: string): ReadonlyMap<string, string> | null {
  const variables = new Map<string, string>();
  for (const word of wordsOf(text) ?? ['']) {
    const end = word.indexOf('=');
    if (end < 1 || !/^[\x20-\x7e]+$/.test(word.slice(0, end))) return null;
    variables.set(word.slice(0, end), word.slice(end + 1));
  }
  return assignments(variables) === text ? variables : null;
}

/** The words of a list that is separated by single spaces; null where it is not. */
export function spacedOf(text: string): readonly string[] | null {
  if (text === '') return [];
  const words = text.split(' ');
  return words.includes('') ? null : words;
}

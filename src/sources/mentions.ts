/** Whether code may look at files while it runs: decides if a procedural macro may read its user's package. */
import { tokenKind, tokenize, type Tokens } from './lexer.ts';
import { isToken, tokenText } from './token-text.ts';

/** Bump when the rule changes: answers are kept by checksum. */
export const mentionsVersion = 1;

/** Words that mean the file system wherever they stand. */
const anywhere = new Set([
  'fs',
  'fs_err',
  'tracked_path',
  'include_dir',
  'read_link',
  'canonicalize',
  'symlink_metadata',
  'try_exists',
  'is_file',
  'is_dir',
  'read_dir',
  'walkdir',
  'WalkDir',
  'OpenOptions',
  'fopen',
  'opendir',
  'Mmap',
]);

/** Words that count with another one two colons before or after them. */
const paired: readonly { readonly word: string; readonly before?: string; readonly after?: string }[] = [
  { word: 'File', after: 'open' },
  { word: 'process', before: 'std' },
  { word: 'process', after: 'Command' },
];

/** `exists` counts as a method, `read_to_string` as a function: as a method it belongs to any reader. */
const inPlace = ['exists', 'read_to_string'];

const candidates = new RegExp(`\\b(?:${[...anywhere, ...paired.map(({ word }) => word), ...inPlace].join('|')})\\b`);

/** Whether a Rust text names the file system. Comments and strings do not count; quoted code does, on the safe side. */
export function mentionsFiles(bytes: Buffer): boolean {
  return mentionsWord(bytes) !== null;
}

/** The first word that counts; null: there is none. */
export function mentionsWord(bytes: Buffer): string | null {
  if (!candidates.test(bytes.toString('latin1'))) return null;
  const tokens = tokenize(bytes);
  for (let index = 0; index < tokens.count; index++) {
    if (tokens.kinds[index] !== tokenKind.word) continue;
    const word = tokenText(tokens, index);
    if (anywhere.has(word)) return word;
    if (inPlace.includes(word) && countsInPlace(tokens, index, word)) return word;
    for (const pair of paired) if (pair.word === word && isPair(tokens, index, pair)) return word;
  }
  return null;
}

function countsInPlace(tokens: Tokens, index: number, word: string): boolean {
  const isMethod = isToken(tokens, index - 1, '.');
  return word === 'exists' ? isMethod : !isMethod && !isToken(tokens, index - 1, 'fn');
}

function isPair(tokens: Tokens, index: number, { before, after }: (typeof paired)[number]): boolean {
  if (before !== undefined) return isToken(tokens, index - 1, ':') && isToken(tokens, index - 3, before);
  return after !== undefined && isToken(tokens, index + 1, ':') && isToken(tokens, index + 3, after);
}

/** Whether code may look at files while it runs: decides if a procedural macro may read its user's package. */
import { tokenKind, tokenize } from './lexer.ts';
import { isToken, tokenText } from './token-text.ts';

/** Bump when the rule changes: answers are kept by checksum. */
export const mentionsVersion = 1;

/** Words that mean the file system wherever they stand. */
const anywhere = new Set([
  'fs',
  'read_to_string',
  'read_dir',
  'read_link',
  'tracked_path',
  'include_dir',
  'canonicalize',
  'symlink_metadata',
  'try_exists',
  'is_file',
  'is_dir',
  'walkdir',
  'WalkDir',
  'OpenOptions',
  'fopen',
  'opendir',
  'Mmap',
]);

/** Words with what must follow: `File::open`, `Command::new`, `process::Command`. */
const followed: readonly (readonly [word: string, after: string])[] = [
  ['File', 'open'],
  ['Command', 'new'],
  ['process', 'Command'],
];

const candidates = new RegExp(`\\b(?:${[...anywhere, ...followed.map(([word]) => word), 'exists'].join('|')})\\b`);

/** Whether a Rust text names the file system. Comments and strings do not count; quoted code does, on the safe side. */
export function mentionsFiles(bytes: Uint8Array): boolean {
  if (!candidates.test(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1'))) return false;
  const tokens = tokenize(bytes);
  for (let index = 0; index < tokens.count; index++) {
    if (tokens.kinds[index] !== tokenKind.word) continue;
    const word = tokenText(tokens, index);
    if (anywhere.has(word)) return true;
    for (const [before, after] of followed) {
      if (word === before && isToken(tokens, index + 1, ':') && isToken(tokens, index + 3, after)) return true;
    }
    if (word === 'exists' && isToken(tokens, index - 1, '.')) return true;
  }
  return false;
}

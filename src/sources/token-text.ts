/** Looking at tokens by index; an index outside of the text is no token. */
import type { Tokens } from './lexer.ts';

/** Whether the token is exactly this ASCII text. */
export function isToken(tokens: Tokens, index: number, text: string): boolean {
  const { bytes, starts, ends, count } = tokens;
  if (index < 0 || index >= count) return false;
  const start = starts[index] ?? 0;
  if ((ends[index] ?? 0) - start !== text.length) return false;
  for (let offset = 0; offset < text.length; offset++) {
    if (bytes[start + offset] !== text.charCodeAt(offset)) return false;
  }
  return true;
}

/** The token's source text; empty outside of the text. */
export function tokenText(tokens: Tokens, index: number): string {
  const { bytes, starts, ends, count } = tokens;
  return index < 0 || index >= count ? '' : bytes.toString('utf8', starts[index], ends[index]);
}

/** The byte of a mark (`(`, `;`, …); 0 for any other token and outside of the text. */
export function markAt(tokens: Tokens, index: number): number {
  if (index < 0 || index >= tokens.count || tokens.kinds[index] !== 3) return 0;
  return tokens.bytes[tokens.starts[index] ?? 0] ?? 0;
}

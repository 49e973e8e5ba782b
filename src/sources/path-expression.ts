/** The argument of `include!` and its like, where it can be known without the compiler. */
import { textValue, tokenKind, type Tokens } from './lexer.ts';
import { isToken, markAt, tokenText } from './token-text.ts';

export type PathExpression =
  | { readonly kind: 'literal'; readonly base: 'file' | 'manifest'; readonly path: string }
  /** Below `OUT_DIR`: a build script's output, no source. */
  | { readonly kind: 'out-dir' }
  | { readonly kind: 'dynamic' };

/** Text, or one of the two variables that stand for a known directory. */
type Part = { readonly text: string } | { readonly variable: 'CARGO_MANIFEST_DIR' | 'OUT_DIR' };

/** Reads the expression whose first token is at `index`, right after the macro's opening mark. */
export function readPathExpression(tokens: Tokens, index: number): PathExpression {
  const parsed = expression(tokens, index);
  if (parsed === null || !endsArgument(tokens, parsed.next)) return { kind: 'dynamic' };
  const [first, ...rest] = parsed.parts;
  if (first === undefined) return { kind: 'dynamic' };
  if ('variable' in first && first.variable === 'OUT_DIR') return { kind: 'out-dir' };
  let path = 'text' in first ? first.text : '';
  for (const part of rest) {
    if (!('text' in part)) return { kind: 'dynamic' };
    path += part.text;
  }
  return { kind: 'literal', base: 'text' in first ? 'file' : 'manifest', path };
}

interface Parsed {
  readonly parts: readonly Part[];
  readonly next: number;
}

function expression(tokens: Tokens, index: number): Parsed | null {
  const kind = tokens.kinds[index];
  if (index >= tokens.count) return null;
  if (kind === tokenKind.text) return { parts: [{ text: textValue(tokens, index) }], next: index + 1 };
  if (kind === tokenKind.number || isToken(tokens, index, 'true') || isToken(tokens, index, 'false')) {
    return { parts: [{ text: tokenText(tokens, index) }], next: index + 1 };
  }
  const character = kind === tokenKind.other ? /^'([^\\])'$/u.exec(tokenText(tokens, index))?.[1] : undefined;
  if (character !== undefined) return { parts: [{ text: character }], next: index + 1 };
  const name = macroName(tokens, index);
  if (name === null) return null;
  if (isToken(tokens, name, 'concat')) return concatenation(tokens, name + 3);
  return isToken(tokens, name, 'env') ? variable(tokens, name + 3) : null;
}

/** The last word of `path::to::name!(`, whose argument begins three tokens later. */
function macroName(tokens: Tokens, index: number): number | null {
  let at = index;
  while (isToken(tokens, at, ':')) at++;
  while (tokens.kinds[at] === tokenKind.word && isToken(tokens, at + 1, ':')) at += 3;
  const opens = [0x28, 0x5b, 0x7b].includes(markAt(tokens, at + 2));
  return isToken(tokens, at + 1, '!') && opens ? at : null;
}

function concatenation(tokens: Tokens, from: number): Parsed | null {
  const parts: Part[] = [];
  let at = from;
  while (!closes(tokens, at)) {
    const piece = expression(tokens, at);
    if (piece === null) return null;
    for (const part of piece.parts) parts.push(part);
    at = piece.next;
    if (isToken(tokens, at, ',')) at++;
    else if (!closes(tokens, at)) return null;
  }
  return { parts, next: at + 1 };
}

function variable(tokens: Tokens, index: number): Parsed | null {
  if (tokens.kinds[index] !== tokenKind.text) return null;
  const name = textValue(tokens, index);
  if (name !== 'CARGO_MANIFEST_DIR' && name !== 'OUT_DIR') return null;
  let at = index + 1;
  while (at < tokens.count && !closes(tokens, at)) at++;
  return { parts: [{ variable: name }], next: at + 1 };
}

function closes(tokens: Tokens, index: number): boolean {
  return index >= tokens.count || [0x29, 0x5d, 0x7d].includes(markAt(tokens, index));
}

function endsArgument(tokens: Tokens, index: number): boolean {
  return closes(tokens, index) || (isToken(tokens, index, ',') && closes(tokens, index + 1));
}

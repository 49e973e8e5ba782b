/** `#[path = "…"]`, also inside of `cfg_attr`, and which item an attribute belongs to. */
import { textValue, tokenKind, type Tokens } from './lexer.ts';
import { isToken, markAt } from './token-text.ts';

export interface AttributePaths {
  /** `#[path = "…"]`: holds always. */
  readonly direct: string | null;
  /** From `cfg_attr`: each may hold, or none. */
  readonly conditional: readonly string[];
}

export const noAttributePaths: AttributePaths = { direct: null, conditional: [] };

export interface Attribute {
  /** `#![…]` */
  readonly inner: boolean;
  /** The token after the closing bracket. */
  readonly end: number;
  readonly paths: AttributePaths;
  /** A path that is a macro variable. */
  readonly dynamic: boolean;
}

const openBracket = 0x5b;
const closeBracket = 0x5d;
const openParenthesis = 0x28;
const closeParenthesis = 0x29;

/** The attribute that begins at the token `#`; null: it is none. */
export function attributeAt(tokens: Tokens, index: number): Attribute | null {
  const inner = isToken(tokens, index + 1, '!');
  const open = inner ? index + 2 : index + 1;
  if (markAt(tokens, open) !== openBracket) return null;
  const end = closingBracket(tokens, open) + 1;
  const isPath = isToken(tokens, open + 1, 'path') && isToken(tokens, open + 2, '=');
  if (isPath) {
    const literal = tokens.kinds[open + 3] === tokenKind.text;
    const direct = literal ? textValue(tokens, open + 3) : null;
    return { inner, end, paths: { direct, conditional: [] }, dynamic: isToken(tokens, open + 3, '$') };
  }
  if (!isToken(tokens, open + 1, 'cfg_attr')) return { inner, end, paths: noAttributePaths, dynamic: false };
  return { inner, end, ...conditionalPaths(tokens, open + 2, end) };
}

function conditionalPaths(tokens: Tokens, from: number, to: number): Pick<Attribute, 'paths' | 'dynamic'> {
  const conditional: string[] = [];
  let dynamic = false;
  for (let index = from; index < to; index++) {
    if (!isToken(tokens, index, 'path') || !isToken(tokens, index + 1, '=')) continue;
    if (tokens.kinds[index + 2] === tokenKind.text) conditional.push(textValue(tokens, index + 2));
    else if (isToken(tokens, index + 2, '$')) dynamic = true;
  }
  return { paths: { direct: null, conditional }, dynamic };
}

function closingBracket(tokens: Tokens, open: number): number {
  let depth = 0;
  for (let index = open; index < tokens.count; index++) {
    const mark = markAt(tokens, index);
    if (mark === openBracket) depth++;
    else if (mark === closeBracket && --depth === 0) return index;
  }
  return tokens.count - 1;
}

/** The first token of the item whose keyword is at `keyword`: what stands before it is `unsafe` or a visibility. */
export function startOfItem(tokens: Tokens, keyword: number): number {
  let start = keyword;
  for (;;) {
    if (
      isToken(tokens, start - 1, 'unsafe') ||
      isToken(tokens, start - 1, 'pub') ||
      isToken(tokens, start - 1, 'crate')
    ) {
      start -= 1;
    } else if (isToken(tokens, start - 2, '$') && tokens.kinds[start - 1] === tokenKind.word) {
      start -= 2;
    } else if (markAt(tokens, start - 1) === closeParenthesis) {
      const open = openingParenthesis(tokens, start - 1);
      if (!isToken(tokens, open - 1, 'pub')) return start;
      start = open - 1;
    } else return start;
  }
}

function openingParenthesis(tokens: Tokens, close: number): number {
  let depth = 0;
  for (let index = close; index >= 0; index--) {
    const mark = markAt(tokens, index);
    if (mark === closeParenthesis) depth++;
    else if (mark === openParenthesis && --depth === 0) return index;
  }
  return 0;
}

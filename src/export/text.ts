/** Texts of the Nix language (Nix manual: "String literal", "Attribute set"). */

/** A part of a string: literal text, or an expression whose string value stands there. */
export type Piece = string | { readonly expression: string };

/** A string of literal text and interpolated expressions. */
export function string(pieces: readonly Piece[]): string {
  return `"${pieces.map((piece) => (typeof piece === 'string' ? escape(piece) : `\${${piece.expression}}`)).join('')}"`;
}

/** The same for text alone. */
export function literal(text: string): string {
  return `"${escape(text)}"`;
}

/** A name as an attribute: bare where the language takes it so. */
export function attribute(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_-]*$/.test(name) && !keywords.has(name) ? name : literal(name);
}

/** Text with many quotes in it, as it is where that can be. */
export function quoted(text: string): string {
  return /''|\$\{|[\n\r\t\\]|[$']$/.test(text) ? literal(text) : `''${text}''`;
}

/** A list of expressions, one a line unless there is at most one. */
export function list(items: readonly string[], indent: string): string {
  const [first] = items;
  if (first === undefined) return '[ ]';
  if (items.length === 1) return `[ ${first} ]`;
  return `[\n${items.map((item) => `${indent}  ${item}\n`).join('')}${indent}]`;
}

/** An attribute set, one attribute a line. */
export function set(entries: Iterable<readonly [name: string, expression: string]>, indent: string): string {
  const lines = [...entries].map(([name, expression]) => `${indent}  ${attribute(name)} = ${expression};\n`);
  return lines.length === 0 ? '{ }' : `{\n${lines.join('')}${indent}}`;
}

const keywords = new Set(['assert', 'else', 'if', 'in', 'inherit', 'let', 'or', 'rec', 'then', 'with']);

function escape(text: string): string {
  return text
    .replace(/["\\]|\$(?=\{)/g, (character) => `\\${character}`)
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\t', '\\t');
}

// Holds the table of docs/architecture.md: which room of src/ may import which. Part of `npm run lint`.
// `engine (types)` in the table means `import type` only. Also held here, from the same page and the design: only src/sys
// starts processes and calls the kernel, src/nix does no input or output; files over 300 lines get a warning.
import { readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const PAGE = 'docs/architecture.md';
const LONG = 300;
/** Modules that only some rooms may use; the pattern is matched against the import's name. */
const RESERVED = [
  {
    pattern: /^(node:child_process|koffi)$/,
    rooms: (room) => room === 'sys',
    why: 'only src/sys starts processes and calls the kernel',
  },
  {
    pattern: /^node:(fs|fs\/promises|net|http|https)$/,
    rooms: (room) => room !== 'nix',
    why: 'src/nix does no input or output',
  },
];

/** `room -> Map(imported room -> 'values' | 'types')`, or `'all'`, from the table. */
export function readTable(text) {
  const table = new Map();
  for (const [, room, cell] of text.matchAll(/^\|\s*`src\/(\w+)`\s*\|([^|]*)\|/gm)) {
    const words = cell.trim();
    if (words === 'all') table.set(room, 'all');
    else {
      const named = words === 'nothing' ? [] : words.split(',').map((word) => /^(\w+)( \(types\))?$/.exec(word.trim()));
      if (named.includes(null)) throw new Error(`${PAGE}: cannot read the row of src/${room}: ${words}`);
      table.set(room, new Map(named.map(([, name, types]) => [name, types ? 'types' : 'values'])));
    }
  }
  if (table.size === 0) throw new Error(`${PAGE}: the table of rooms is not there`);
  return table;
}

/** Every import and re-export of a source text: name of the module, whether it is for types only, line. */
export function readImports(text) {
  const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, (comment) => comment.replace(/[^\n]/g, ' '));
  const found = [];
  const statement = /^[ \t]*(?:import|export)\s+(type\s+(?!from\b))?(?:[^'"`;()]*?\bfrom\s+)?(['"])([^'"\n]+)\2/gm;
  for (const match of code.matchAll(statement))
    found.push({ name: match[3], types: match[1] !== undefined, at: match.index });
  for (const match of code.matchAll(/\bimport\s*\(\s*(['"])([^'"\n]+)\1/g))
    found.push({ name: match[2], types: false, at: match.index });
  return found.map(({ name, types, at }) => ({ name, types, line: code.slice(0, at).split('\n').length }));
}

/** What is wrong with one import of a file in `room` (null: directly in src/), as a sentence; null: nothing. */
export function judge(table, room, file, { name, types }) {
  const reserved = RESERVED.find((rule) => rule.pattern.test(name) && !rule.rooms(room));
  if (reserved && !types) return `imports ${name}: ${reserved.why}`;
  if (!name.startsWith('.')) return null;
  const target = path.posix.normalize(path.posix.join(path.posix.dirname(file), name));
  const inside = /^src\/(\w+)\//.exec(target)?.[1];
  // A file directly in src/ is a constant of the project: it imports nothing, and all may import it.
  if (/^src\/\w+\.ts$/.test(target) && room !== null) return null;
  if (inside === undefined)
    return /\.[mc]?[jt]s$/.test(target) ? `imports ${target}, which is not in a room of src/` : null;
  if (room === null) return `imports ${target}: a file directly in src/ imports nothing`;
  const row = table.get(room);
  if (inside === room || row === 'all') return null;
  const allowed = row.get(inside);
  if (allowed === undefined) return `imports ${target}: src/${room} may not use src/${inside}`;
  if (allowed === 'types' && !types)
    return `imports ${target}: src/${room} may use only types of src/${inside} (import type)`;
  return null;
}

function main() {
  const table = readTable(readFileSync(path.join(root, PAGE), 'utf8'));
  let wrong = 0;
  const files = readdirSync(path.join(root, 'src'), { recursive: true })
    .map((name) => `src/${name}`)
    .filter((name) => name.endsWith('.ts'))
    .sort();
  for (const file of files) {
    const text = readFileSync(path.join(root, file), 'utf8');
    const lines = text.split('\n').length - 1;
    if (lines > LONG) console.warn(`${file}: warning: ${lines} lines; does it hold two meanings?`);
    const [, first = '', ...inside] = file.split('/');
    const room = inside.length === 0 ? null : first;
    if (room !== null && !table.has(room)) {
      console.error(`${file}: src/${room} is not in the table of ${PAGE}`);
      wrong++;
      continue;
    }
    for (const found of readImports(text)) {
      const complaint = judge(table, room, file, found);
      if (complaint === null) continue;
      console.error(`${file}:${found.line}: ${complaint}`);
      wrong++;
    }
  }
  if (wrong > 0) {
    console.error(`rooms: ${wrong} import${wrong === 1 ? '' : 's'} against ${PAGE}`);
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();

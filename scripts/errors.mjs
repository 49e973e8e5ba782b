// Compares the error codes in the sources with the table of docs/errors.md: each must stand in both, and each is made in
// one room only, so that a code always means the same thing. Part of `npm run lint`.
import { readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const PAGE = 'docs/errors.md';

/** Codes of a page's table rows: the first cell of a row. A code with two rows is a mistake. */
export function documented(text) {
  return [...text.matchAll(/^\|\s*`?(D\d{4})`?\s*\|/gm)].map((match) => match[1]);
}

/** Codes that a source text names, each with its line. */
export function named(text) {
  return text
    .split('\n')
    .flatMap((line, index) => [...line.matchAll(/\bD\d{4}\b/g)].map(([code]) => ({ code, line: index + 1 })));
}

/** Codes that a source text makes an error of. */
export function made(text) {
  return [...text.matchAll(/(?:UserError\(|\bcode:)\s*['"](D\d{4})['"]/g)].map((match) => match[1]);
}

function main() {
  const rows = documented(readFileSync(path.join(root, PAGE), 'utf8'));
  const complaints = rows
    .filter((code, index) => rows.indexOf(code) !== index)
    .map((code) => `${PAGE}: ${code} stands there twice`);
  const seen = new Map();
  const rooms = new Map();
  for (const top of ['src', 'builder', 'scripts']) {
    for (const name of readdirSync(path.join(root, top), { recursive: true })) {
      if (!/\.(ts|sh|mjs)$/.test(name)) continue;
      const text = readFileSync(path.join(root, top, name), 'utf8');
      for (const { code, line } of named(text)) seen.set(code, seen.get(code) ?? `${top}/${name}:${line}`);
      const room = top === 'src' ? `src/${name.split('/')[0]}` : top;
      for (const code of made(text)) rooms.set(code, (rooms.get(code) ?? new Set()).add(room));
    }
  }
  for (const [code, place] of [...seen].sort(([a], [b]) => a.localeCompare(b)))
    if (!rows.includes(code)) complaints.push(`${place}: ${code} is not in ${PAGE}`);
  for (const code of rows) if (!seen.has(code)) complaints.push(`${PAGE}: ${code} is nowhere in the sources`);
  for (const [code, places] of rooms) {
    if (places.size > 1) complaints.push(`${code} is made in ${[...places].join(' and in ')}: one code, one meaning`);
  }
  for (const complaint of complaints) console.error(`errors: ${complaint}`);
  if (complaints.length > 0) process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();

/** Why units are built again, as `explain` and `Dirty` lines tell it. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readLastBuild } from '../../src/report/history.ts';
import { dirtyText, sentence } from '../../src/report/stale.ts';
import { type Built, cargo, drydock, makeProject } from './support.ts';

const files = {
  'Cargo.toml':
    '[package]\nname = "top"\nversion = "0.1.0"\nedition = "2021"\n[workspace]\n[dependencies]\nlow = { path = "low" }\n',
  'src/lib.rs': 'pub fn f() -> u32 { low::g() }\n',
  'low/Cargo.toml': '[package]\nname = "low"\nversion = "0.2.0"\nedition = "2021"\n',
  'low/src/lib.rs': 'pub fn g() -> u32 { 7 }\n',
};

let root = '';
let store = '';
let first: Built;
beforeAll(async () => {
  root = makeProject(files);
  store = fs.mkdtempSync(path.join(os.tmpdir(), 'drydock-explain-store-'));
  first = await drydock(root, ['build'], store);
}, 60_000);
afterAll(() => {
  for (const directory of [root, store]) fs.rmSync(directory, { recursive: true, force: true });
});

function write(name: string, text: string): void {
  fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
  fs.writeFileSync(path.join(root, name), text);
}

function explained({ places }: Built): Record<string, string> {
  const rebuilt = readLastBuild(places, [null]) ?? [];
  return Object.fromEntries(rebuilt.map(({ name, reason }) => [name, sentence(reason)]));
}

test('a first build', () => {
  expect(explained(first)).toEqual({
    '`low` (lib)': 'it was not built here before',
    '`top` (lib)': 'it was not built here before',
  });
});

test('a changed file, and what depends on it; with -v in the words of cargo', { timeout: 60_000 }, async () => {
  write('low/src/lib.rs', 'pub fn g() -> u32 { 8 }\n');
  const built = await drydock(root, ['build', '-v'], store);
  expect(explained(built)).toEqual({
    '`low` (lib)': 'low/src/lib.rs changed',
    '`top` (lib)': 'its dependency low was rebuilt',
  });
  fs.renameSync(path.join(root, 'target'), path.join(root, 'ours'));
  await cargo(root, ['build']);
  write('low/src/lib.rs', 'pub fn g() -> u32 { 9 }\n');
  const theirs = await cargo(root, ['build', '-v']);
  fs.rmSync(path.join(root, 'target'), { recursive: true });
  fs.renameSync(path.join(root, 'ours'), path.join(root, 'target'));
  const dirty = (text: string) =>
    [...text.matchAll(/^ +Dirty .*$/gm)].map(([line]) =>
      line.replace(/ \(\d.*$/, '').replace(/\d+ms|\d+(\.\d+)?n?s/g, ''),
    );
  expect(dirty(built.stderr)).toEqual(dirty(theirs.stderr));
  expect(built.stderr).toMatch(
    /Dirty low .*: the file `low\/src\/lib.rs` has changed \(\d+\.\d{9}s, \d+n?s after last build at /,
  );
});

test('a dependency that was built by itself, and one that has got another name', { timeout: 60_000 }, async () => {
  write('low/src/lib.rs', 'pub fn g() -> u32 { 10 }\n');
  await drydock(root, ['build', '-p', 'low'], store);
  const dirty = (await drydock(root, ['build', '-v'], store)).stderr;
  expect(dirty).toMatch(/Dirty top .*: the dependency `low` was rebuilt \(\d+\.\d{9}s, \d+n?s after last build at /);
  const before = files['Cargo.toml'];
  write('Cargo.toml', before.replace('low = {', 'other = { package = "low",'));
  const renamed = await drydock(root, ['build', '-v'], store);
  expect(renamed.stderr).toContain(': name of dependency changed (low => other)\n');
  write('Cargo.toml', before);
});

test('another linker is a setting to cargo, a flag is a flag', () => {
  const text = (after: readonly string[]) => dirtyText({ why: 'flags-changed', before: ['--test'], after });
  expect(text(['--test', '-C', 'linker=other'])).toBe('the config settings changed');
  expect(text(['--test', '-C', 'linker=other', '-g'])).toBe('the rustflags changed');
});

test('a new file', { timeout: 60_000 }, async () => {
  write('src/lib.rs', 'mod more; pub fn f() -> u32 { low::g() }\n');
  write('src/more.rs', '');
  expect(Object.keys(explained(await drydock(root, ['build'], store)))).toEqual(['`top` (lib)']);
  write('src/more.rs', 'mod inner;');
  write('src/more/inner.rs', '');
  expect(explained(await drydock(root, ['build'], store))).toEqual({ '`top` (lib)': 'src/more.rs changed' });
});

test('an output that is gone from the store', { timeout: 60_000 }, async () => {
  const before = await drydock(root, ['build'], store);
  const other = fs.mkdtempSync(path.join(os.tmpdir(), 'drydock-explain-other-'));
  try {
    const built = await drydock(root, ['build'], other);
    expect(before.events).toEqual([]);
    for (const text of Object.values(explained(built))) expect(text).toMatch(/no longer in the store$/);
  } finally {
    fs.rmSync(other, { recursive: true, force: true });
  }
});

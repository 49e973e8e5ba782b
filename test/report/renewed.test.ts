/** What is said of units whose results come out of the store. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { drydock, makeProject } from './support.ts';

const manifest = (name: string, more = '') =>
  `[package]\nname = "${name}"\nversion = "0.1.0"\nedition = "2021"\n${more}`;
const files = {
  'Cargo.toml': manifest('user', '[dependencies]\nlower = { path = "lower" }\n[workspace]\n'),
  'src/lib.rs': 'pub fn f() -> u32 { lower::g() }\n',
  'lower/Cargo.toml': manifest('lower'),
  'lower/src/lib.rs': 'pub fn g() -> u32 { 1 }\n',
};

const roots: string[] = [];
let store: string;
let root: string;

beforeAll(() => {
  store = fs.mkdtempSync(path.join(os.tmpdir(), 'renewed-'));
});
beforeEach(() => {
  root = makeProject(files);
  roots.push(root);
});
afterAll(() => {
  for (const directory of [...roots, store]) fs.rmSync(directory, { recursive: true, force: true });
});

async function said(...argv: readonly string[]) {
  const { stderr, stdout } = await drydock(root, ['build', ...argv], store);
  const lines = (word: string) => [...stderr.matchAll(new RegExp(`^ +${word} (\\S+)`, 'gm'))].map(([, name]) => name);
  return { compiling: lines('Compiling'), running: lines('Running').length, fresh: lines('Fresh'), stdout };
}

const write = (file: string, text: string) => fs.writeFileSync(path.join(root, file), text);

test('after target/ was removed its packages are named, and nothing runs', { timeout: 60_000 }, async () => {
  expect(await said('-v')).toMatchObject({ compiling: ['lower', 'user'], running: 2 });
  fs.rmSync(path.join(root, 'target'), { recursive: true });
  const again = await said('-v', '--message-format', 'json');
  expect(again).toMatchObject({ compiling: ['lower', 'user'], running: 0, fresh: [] });
  expect(again.stdout).not.toContain('"fresh":false');
  expect(await said('-v')).toMatchObject({ compiling: [], fresh: ['lower', 'user'] });
});

test('an edit that is taken back is noticed', { timeout: 60_000 }, async () => {
  await said();
  write('src/lib.rs', 'pub fn f() -> u32 { lower::g() + 1 }\n');
  expect(await said('-v')).toMatchObject({ compiling: ['user'], running: 1 });
  write('src/lib.rs', files['src/lib.rs']);
  expect(await said('-v')).toMatchObject({ compiling: ['user'], running: 0, fresh: ['lower'] });
});

test('what a failed build has compiled is not named again', { timeout: 60_000 }, async () => {
  write('src/lib.rs', 'pub fn f() -> u32 { lower::missing() }\n');
  expect(await said()).toMatchObject({ compiling: ['lower', 'user'] });
  write('src/lib.rs', files['src/lib.rs']);
  expect(await said('-v')).toMatchObject({ compiling: ['user'], fresh: ['lower'] });
});

test('a target/ that was moved holds what it held', { timeout: 60_000 }, async () => {
  await said();
  fs.renameSync(path.join(root, 'target'), path.join(root, 'elsewhere'));
  expect(await said('-v', '--target-dir', 'elsewhere')).toMatchObject({ compiling: [], running: 0 });
});

import * as fs from 'node:fs';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { FileCache } from '../../src/sources/file-cache.ts';
import { Memory } from '../../src/sources/memory.ts';
import { useNix } from '../nix/tools.ts';
import { lay, openAt, packageAt, request, temporary } from './helpers.ts';

const nix = useNix();

/** Written long enough ago that no clock tick can hide a change. */
let settled: string;
beforeAll(async () => {
  settled = lay({ 'Cargo.toml': '', 'src/lib.rs': 'mod a;', 'src/a.rs': 'fn f() {}' });
  await sleep(2200);
});

function stored(cacheDir: string): string {
  const file = fs.readdirSync(cacheDir).find((name) => name.startsWith('sources-'));
  return path.join(cacheDir, file ?? '');
}

test('a second process learns nothing new, so it read nothing', () => {
  const { sources, cacheDir } = openAt(settled);
  const first = sources.closure(request({ package: packageAt(settled) }));
  sources.save();
  const before = fs.statSync(stored(cacheDir), { bigint: true });
  const again = openAt(settled, cacheDir).sources;
  expect(again.closure(request({ package: packageAt(settled) })).path).toBe(first.path);
  again.save();
  expect(fs.statSync(stored(cacheDir), { bigint: true }).ino).toBe(before.ino);
});

test('a file that changed within one tick of the clock before it was read is read again', () => {
  const root = lay({ fresh: 'one' });
  const cacheDir = temporary();
  const memory = new Memory(cacheDir, root);
  const file = path.join(root, 'fresh');
  const digest = new FileCache(memory).hash(file);
  expect(memory.files.get(file)).toMatchObject({ sha256: digest, racy: true });
  // A second write that the stat does not show: the entry claims other contents under the same key.
  memory.files.set(file, { ...memory.files.get(file)!, sha256: 'f'.repeat(64) as NonNullable<typeof digest> });
  memory.save();
  expect(new FileCache(new Memory(cacheDir, root)).hash(file)).toBe(digest);
  const old = new Memory(cacheDir, root);
  new FileCache(old).hash(path.join(settled, 'src/a.rs'));
  expect(old.files.get(path.join(settled, 'src/a.rs'))?.racy).toBe(false);
});

test.each(['empty', 'no JSON', 'truncated', 'changed'])(
  'a damaged memory (%s) costs time, not correctness',
  (damage) => {
    const { sources, cacheDir } = openAt(settled);
    const { path: wanted } = sources.closure(request({ package: packageAt(settled) }));
    sources.save();
    const file = stored(cacheDir);
    const text = fs.readFileSync(file, 'utf8');
    const changed = text.replace(/\/nix\/store\/./, '/nix/store/e');
    const damaged = { empty: '', 'no JSON': 'x'.repeat(100), truncated: text.slice(0, -20), changed }[damage] ?? '';
    expect(damaged).not.toBe(text);
    fs.writeFileSync(file, damaged);
    expect(openAt(settled, cacheDir).sources.closure(request({ package: packageAt(settled) })).path).toBe(wanted);
  },
);

test('after save the files are looked at anew, before it they are not', () => {
  const root = lay({ 'Cargo.toml': '', 'src/lib.rs': 'fn f() {}' });
  const { sources } = openAt(root);
  const closure = () => sources.closure(request({ package: packageAt(root) })).path;
  const first = closure();
  fs.writeFileSync(path.join(root, 'src/lib.rs'), 'fn g() {}');
  expect(closure()).toBe(first);
  sources.save();
  expect(closure()).not.toBe(first);
});

test('the path is the one that Nix gives to the tree', () => {
  const root = lay({
    'Cargo.toml': '',
    'src/lib.rs': 'mod a; include_bytes!("../big");',
    'src/a.rs': '',
    big: 'y'.repeat(300_000),
  });
  fs.chmodSync(path.join(root, 'src/a.rs'), 0o755);
  const closure = openAt(root).sources.closure(request({ package: packageAt(root) }));
  const tree = path.join(temporary(), 'demo-0.1.0-source');
  if (closure.input.kind !== 'tree') throw new Error('no tree');
  for (const [name, file] of closure.input.files) {
    fs.mkdirSync(path.dirname(path.join(tree, name)), { recursive: true });
    fs.copyFileSync(file, path.join(tree, name));
  }
  expect([closure.path]).toEqual(nix().inStore('nix-store', ['--add', tree]));
});

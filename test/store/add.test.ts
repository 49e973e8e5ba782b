import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { sealDerivation } from '../../src/nix/seal.ts';
import { textPath } from '../../src/nix/store-path.ts';
import { UserError } from '../../src/sys/errors.ts';
import { anyOutput, fileSource, freshStore, nixHash, scratch, textSource, treeSource } from './support.ts';

test('a file comes in with its checksum, canonical, once', async () => {
  const store = await freshStore();
  const from = path.join(scratch(), 'a.crate');
  writeFileSync(from, 'contents', { mode: 0o600 });
  const source = fileSource(from, 'contents');
  expect(store.valid([source.path]).size).toBe(0);
  expect(await store.addSource(source)).toEqual({ status: 'added' });
  expect(await store.addSource(source)).toEqual({ status: 'valid' });
  expect(store.valid([source.path])).toEqual(new Set([source.path]));
  const stat = lstatSync(store.hostPath(source.path));
  expect([stat.mode & 0o7777, stat.mtimeMs]).toEqual([0o444, 1000]);
});

test('a file that is not what its checksum names is an error with both hashes, and is not there', async () => {
  const store = await freshStore();
  const from = path.join(scratch(), 'a.crate');
  writeFileSync(from, 'tampered');
  const source = fileSource(from, 'contents');
  const error = await store.addSource(source).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(UserError);
  expect((error as UserError).code).toBe('D0504');
  expect((error as UserError).seen).toContain(source.sha256);
  expect((error as UserError).seen).toContain(fileSource(from, 'tampered').sha256);
  expect(store.valid([source.path]).size).toBe(0);
});

test('a file that is not there is an error that names it', async () => {
  const store = await freshStore();
  await expect(store.addSource(fileSource('/nonexistent/a.crate', 'x'))).rejects.toThrow(
    /D0505.*\/nonexistent\/a\.crate/s,
  );
});

test('a tree has the hash that Nix gives it, its executables too; links are read through', async () => {
  const store = await freshStore();
  const directory = scratch();
  const source = treeSource(directory, {
    'src/lib.rs': 'mod a;',
    'src/a/mod.rs': '',
    'build.sh': 'exit',
    'Cargo.toml': '[package]',
  });
  expect(await store.addSource(source)).toEqual({ status: 'added' });
  const host = store.hostPath(source.path);
  for (const [name, mode] of [
    ['', 0o555],
    ['src', 0o555],
    ['src/a/mod.rs', 0o444],
  ] as const) {
    const stat = lstatSync(path.join(host, name));
    expect([stat.mode & 0o7777, stat.mtimeMs]).toEqual([mode, 1000]);
  }
  chmodSync(path.join(directory, 'build.sh'), 0o700);
  symlinkSync('src/lib.rs', path.join(directory, 'link'));
  const files = new Map([...source.files, ['link', path.join(directory, 'link')]]);
  const changed = await store.addSource({ ...source, path: anyOutput('tree'), files });
  if (changed.status !== 'changed') throw new Error(changed.status);
  expect(await store.addSource({ kind: 'tree', path: changed.actual, files })).toEqual({ status: 'added' });
  const second = store.hostPath(changed.actual);
  expect(lstatSync(path.join(second, 'link')).isFile()).toBe(true);
  expect(lstatSync(path.join(second, 'build.sh')).mode & 0o777).toBe(0o555);
  rmSync(path.join(directory, 'link'));
  copyFileSync(path.join(directory, 'src/lib.rs'), path.join(directory, 'link'));
  expect(nixHash(second)).toBe(nixHash(directory));
});

test('a tree that changed after planning is reported with the path that it has now, and not added', async () => {
  const store = await freshStore();
  const directory = scratch();
  const source = treeSource(directory, { 'lib.rs': 'old', 'a/b': 'x' });
  writeFileSync(path.join(directory, 'lib.rs'), 'new');
  const now = treeSource(scratch(), { 'lib.rs': 'new', 'a/b': 'x' });
  expect(await store.addSource(source)).toEqual({ status: 'changed', actual: now.path });
  expect(store.valid([source.path, now.path]).size).toBe(0);
});

test('a large file in a tree is hashed as Nix hashes it', async () => {
  const store = await freshStore();
  const directory = scratch();
  writeFileSync(path.join(directory, 'big'), Buffer.alloc(3_000_001, 'drydock'));
  const files = new Map([['big', path.join(directory, 'big')]]);
  const outcome = await store.addSource({ kind: 'tree', path: anyOutput('tree'), files });
  if (outcome.status !== 'changed') throw new Error(outcome.status);
  await store.addSource({ kind: 'tree', path: outcome.actual, files });
  expect(nixHash(store.hostPath(outcome.actual))).toBe(nixHash(directory));
});

test('a host directory is used where it lies, and the last one registered counts', async () => {
  const store = await freshStore();
  const [first, second] = [scratch(), scratch()];
  const storePath = anyOutput('toolchain');
  const source = { kind: 'host-directory', path: storePath, from: first } as const;
  expect(await store.addSource(source)).toEqual({ status: 'added' });
  expect(await store.addSource(source)).toEqual({ status: 'valid' });
  expect(store.hostPath(storePath)).toBe(first);
  await store.addSource({ ...source, from: second });
  expect(store.hostPath(storePath)).toBe(second);
  const later = await freshStore(store.root);
  expect(later.hostPath(storePath)).toBe(second);
  expect(later.valid([storePath]).size).toBe(1);
  await later.addSource({ ...source, from: path.join(first, 'gone') });
  expect(later.valid([storePath]).size).toBe(0);
});

test('texts and derivations', async () => {
  const store = await freshStore();
  const text = textSource('run.sh', 'echo "$out"\n');
  expect(await store.addSource(text)).toEqual({ status: 'added' });
  expect(readFileSync(store.hostPath(text.path), 'utf8')).toBe(text.text);
  const leaf = sealDerivation({
    name: 'leaf',
    system: 'x86_64-linux',
    builder: '/bin/sh',
    args: [text.path],
    env: {},
    inputDrvs: [],
    inputSrcs: [text.path],
  });
  const top = sealDerivation({
    name: 'top',
    system: 'x86_64-linux',
    builder: '/bin/sh',
    args: [],
    env: {},
    inputDrvs: [leaf],
    inputSrcs: [anyOutput('not-there-yet')],
  });
  await store.addDerivations([leaf, top]);
  expect(store.valid([leaf.drvPath, top.drvPath]).size).toBe(2);
  expect(store.references(leaf.drvPath)).toEqual([text.path]);
  expect(readFileSync(store.hostPath(top.drvPath), 'utf8')).toBe(top.aterm);
});

test('what lies in the way without a record is replaced', async () => {
  const store = await freshStore();
  const text = textSource('a', 'text');
  const tree = treeSource(scratch(), { a: 'x' });
  await store.addSource(textSource('other', ''));
  mkdirSync(path.join(store.hostPath(text.path), 'sub'), { recursive: true });
  writeFileSync(store.hostPath(tree.path), 'half');
  await store.addSource(text);
  await store.addSource(tree);
  expect(store.valid([text.path, tree.path]).size).toBe(2);
  expect(textPath('a', readFileSync(store.hostPath(text.path), 'utf8'))).toBe(text.path);
});

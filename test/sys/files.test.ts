import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { cloneOrCopy, copyContents, hardLink, removeTree } from '../../src/sys/copy.ts';
import {
  asideName,
  createExclusive,
  removeDurably,
  replaceFile,
  sweepAsides,
  writeDurably,
} from '../../src/sys/durable.ts';
import { userDirectory } from '../../src/sys/ids.ts';
import { run } from '../../src/sys/run.ts';

let top = '';
let directory = '';
beforeAll(() => {
  top = mkdtempSync(path.join(tmpdir(), 'drydock-files-'));
});
beforeEach(() => {
  directory = mkdtempSync(path.join(top, 't-'));
});
afterAll(() => rmSync(top, { recursive: true }));

describe('files that are whole or not there', () => {
  test('writing replaces the file itself, not what its other links show', async () => {
    const file = path.join(directory, 'f');
    writeFileSync(file, 'old');
    linkSync(file, path.join(directory, 'link'));
    await writeDurably(file, 'new');
    expect(readFileSync(file, 'utf8')).toBe('new');
    replaceFile(file, 'newer');
    expect(readFileSync(file, 'utf8')).toBe('newer');
    expect(readFileSync(path.join(directory, 'link'), 'utf8')).toBe('old');
    expect(readdirSync(directory)).toHaveLength(2);
  });

  test('only one creates', () => {
    const file = path.join(directory, 'f');
    expect([createExclusive(file, 'a'), createExclusive(file, 'b')]).toEqual([true, false]);
    expect(readFileSync(file, 'utf8')).toBe('a');
    expect(readdirSync(directory)).toEqual(['f']);
  });

  test('removing what is gone is no error', async () => {
    const file = path.join(directory, 'f');
    writeFileSync(file, '');
    await removeDurably(file);
    await removeDurably(file);
    expect(existsSync(file)).toBe(false);
  });

  test('a failure leaves the old file and nothing else', async () => {
    const file = path.join(directory, 'f');
    mkdirSync(path.join(file, 'sub'), { recursive: true });
    await expect(writeDurably(file, 'x')).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    expect(() => replaceFile(file, 'x')).toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    expect(readdirSync(directory)).toEqual(['f']);
  });

  test('what killed writers left is swept, files and trees, and nothing else', () => {
    const [file, tree] = [asideName(path.join(directory, 'f')), asideName(path.join(directory, 'f'))];
    mkdirSync(path.join(tree, 'sub'), { recursive: true });
    for (const one of [file, path.join(tree, 'sub/x'), path.join(directory, 'f')]) writeFileSync(one, '');
    sweepAsides(directory);
    expect(readdirSync(directory)).toEqual(['f']);
  });
});

describe('copies and links', () => {
  test('a copy has the contents and permissions, and never writes into what is there', async () => {
    const [from, to] = [path.join(directory, 'a'), path.join(directory, 'b')];
    writeFileSync(from, 'x', { mode: 0o755 });
    await cloneOrCopy(from, to);
    expect(lstatSync(to).mode & 0o777).toBe(0o755);
    await expect(cloneOrCopy(from, to)).rejects.toThrow('EEXIST');
    await expect(hardLink(from, to)).rejects.toThrow('EEXIST');
  });

  test('contents of every size replace what was there', async () => {
    const [from, to] = [path.join(directory, 'a'), path.join(directory, 'b')];
    for (const size of [3 * (1 << 20) + 5, 1 << 20, 1, 0]) {
      writeFileSync(from, randomBytes(size));
      await copyContents(from, to);
      expect(readFileSync(to).equals(readFileSync(from))).toBe(true);
    }
    await expect(copyContents(path.join(directory, 'none'), to)).rejects.toThrow('ENOENT');
    await expect(copyContents(from, path.join(directory, 'none/b'))).rejects.toThrow('ENOENT');
  });

  test('a link where that goes, a copy across file systems', async () => {
    const from = path.join(directory, 'a');
    writeFileSync(from, 'x');
    expect(await hardLink(from, path.join(directory, 'b'))).toBe('linked');
    const other = lstatSync('/dev/shm', { throwIfNoEntry: false });
    if (other === undefined || other.dev === lstatSync(directory).dev) return;
    const far = path.join('/dev/shm', path.basename(directory));
    expect(await hardLink(from, far)).toBe('copied');
    expect(readFileSync(far, 'utf8')).toBe('x');
    rmSync(far);
  });
});

describe('removing a tree', () => {
  test('read-only directories go; files keep their permissions and symlinks their targets', async () => {
    const tree = path.join(directory, 'tree');
    const outside = path.join(directory, 'outside');
    mkdirSync(path.join(tree, 'a/b'), { recursive: true });
    mkdirSync(outside);
    writeFileSync(path.join(outside, 'kept'), '');
    writeFileSync(path.join(tree, 'a/b/c'), '', { mode: 0o444 });
    writeFileSync(Buffer.from(`${tree}/a/\xfe`, 'latin1'), '');
    linkSync(path.join(tree, 'a/b/c'), path.join(directory, 'link'));
    symlinkSync(outside, path.join(tree, 'a/out'));
    symlinkSync(outside, path.join(directory, 'top'));
    chmodSync(outside, 0o555);
    for (const name of ['a/b', 'a', '']) chmodSync(path.join(tree, name), 0o555);
    await removeTree(tree);
    await removeTree(path.join(directory, 'top'));
    await removeTree(path.join(directory, 'nothing'));
    expect(readdirSync(directory).sort((a, b) => (a < b ? -1 : 1))).toEqual(['link', 'outside']);
    expect(lstatSync(path.join(directory, 'link')).mode & 0o777).toBe(0o444);
    expect(lstatSync(outside).mode & 0o777).toBe(0o555);
    expect(readdirSync(outside)).toEqual(['kept']);
    expect((await run('test', ['-e', tree])).code).toBe(1);
  });
});

test("a user's directories", () => {
  const home = { HOME: '/home/me' };
  expect(userDirectory('data', home)).toBe('/home/me/.local/share');
  expect(userDirectory('state', home)).toBe('/home/me/.local/state');
  expect(userDirectory('cache', { ...home, XDG_CACHE_HOME: '/c' })).toBe('/c');
  expect(userDirectory('cache', { ...home, XDG_CACHE_HOME: '' })).toBe('/home/me/.cache');
  expect(userDirectory('runtime', home)).toBe(null);
  expect(userDirectory('runtime', { XDG_RUNTIME_DIR: '/run/user/7' })).toBe('/run/user/7');
});

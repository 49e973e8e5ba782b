import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/nix/hash.ts';
import { narHashSync } from '../../src/nix/nar.ts';
import {
  baseName,
  fixedOutputPath,
  maxNameLength,
  nameProblem,
  parseDrvPath,
  parseStorePath,
  sourcePath,
  splitStorePath,
  textPath,
  toStoreName,
} from '../../src/nix/store-path.ts';
import type { NarNode, StorePath } from '../../src/nix/types.ts';
import { useNix } from './tools.ts';

const nix = useNix();

function file(text: string, executable = false): NarNode {
  const contents = Buffer.from(text);
  return { type: 'regular', executable, size: contents.length, contents };
}

describe('paths are those of nix-store', () => {
  test('--add of a file, of an executable and of a tree', () => {
    const root = path.join(nix().directory, 'sources');
    mkdirSync(path.join(root, 'tree', 'inner'), { recursive: true });
    writeFileSync(path.join(root, 'plain+1=2?.txt'), 'plain');
    writeFileSync(path.join(root, 'run'), '#!/bin/sh\n', { mode: 0o755 });
    writeFileSync(path.join(root, 'tree', 'inner', 'a'), '');
    symlinkSync('inner/a', path.join(root, 'tree', 'link'));
    const inner: NarNode = { type: 'directory', entries: [{ name: 'a', node: file('') }] };
    const link: NarNode = { type: 'symlink', target: 'inner/a' };
    const tree: NarNode = {
      type: 'directory',
      entries: [
        { name: 'link', node: link },
        { name: 'inner', node: inner },
      ],
    };
    const names = ['plain+1=2?.txt', 'run', 'tree'];
    const added = nix().inStore('nix-store', ['--add', ...names.map((name) => path.join(root, name))]);
    const ours = [file('plain'), file('#!/bin/sh\n', true), tree].map((node, index) => {
      return sourcePath(names[index]!, narHashSync(node));
    });
    expect(ours).toEqual(added);
  });

  test('--add-fixed sha256, flat and recursive', () => {
    const archive = nix().file('libc-0.2.1.crate', 'not really an archive');
    const [flat] = nix().inStore('nix-store', ['--add-fixed', 'sha256', archive]);
    const [nar] = nix().inStore('nix-store', ['--add-fixed', '--recursive', 'sha256', archive]);
    const name = 'libc-0.2.1.crate';
    expect(fixedOutputPath({ name, method: 'flat', sha256: sha256('not really an archive') })).toBe(flat);
    const narHash = narHashSync(file('not really an archive'));
    expect(fixedOutputPath({ name, method: 'nar', sha256: narHash })).toBe(nar);
  });

  test('builtins.toFile with references', () => {
    const expression =
      'let a = builtins.toFile "a" "A"; b = builtins.toFile "b" "B"; in [ a b (builtins.toFile "c" "${b} ${a} ${b}") ]';
    const [printed] = nix().inStore('nix-instantiate', ['--eval', '--strict', '-E', expression]);
    const a = textPath('a', 'A');
    const b = textPath('b', 'B');
    const c = textPath('c', `${b} ${a} ${b}`, [b, a, b]);
    expect(printed).toBe(`[ ${[a, b, c].map((one) => JSON.stringify(one)).join(' ')} ]`);
  });
});

describe('names', () => {
  const part = fc.constantFrom(
    '.',
    '-',
    'a',
    'Z9',
    ' ',
    '/',
    'é',
    '😀',
    '.drv',
    '\0',
    '\ud800',
    '+_?=',
    'xxxxxxxxxxxxxxxx',
  );
  const anyText = fc.array(part, { maxLength: 60 }).map((parts) => parts.join(''));

  test('any text becomes a valid name that leaves room for .drv', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const name = toStoreName(text);
        expect(nameProblem(`${name}.drv`)).toBeNull();
        expect(name).not.toMatch(/^\.|\.drv$/);
        expect(toStoreName(name)).toBe(name);
      }),
    );
  });

  test('a name that is valid already stays', () => {
    for (const name of ['serde-1.0.228', 'libfoo++', 'a_b=c?d', 'A.b.c']) expect(toStoreName(name)).toBe(name);
  });

  test('texts that lie near a rule', () => {
    const texts = [
      '',
      '.',
      '..',
      '.git',
      '.drv',
      'x.drv',
      'crate name',
      'é',
      `${'x'.repeat(203)}.drv`,
      `${'x'.repeat(206)}.drv`,
    ];
    for (const text of texts) {
      expect(nameProblem(`${toStoreName(text)}.drv`), text).toBeNull();
      expect(toStoreName(text)).not.toMatch(/^\.|\.drv$/);
    }
  });

  test('what Nix refuses, and what it takes', () => {
    expect(nameProblem('')).toBe('empty');
    expect(nameProblem('x'.repeat(maxNameLength + 1))).toBe('long');
    expect(nameProblem('a b')).toBe('character');
    expect(nameProblem('a\n')).toBe('character');
    expect(nameProblem('..')).toBe('dots');
    expect(nameProblem('.-x')).toBe('dots');
    expect(nameProblem('.gitignore')).toBeNull();
    expect(nameProblem('x'.repeat(maxNameLength))).toBeNull();
    expect(() => sourcePath('a b', sha256(''))).toThrow('"a b"');
  });
});

test('a path is split into its hash and its name', () => {
  const whole = sourcePath('libc-0.2.1', sha256(''));
  const { hash, name } = splitStorePath(whole);
  expect(name).toBe('libc-0.2.1');
  expect(`/nix/store/${hash}-${name}`).toBe(whole);
  expect(baseName(whole)).toBe(`${hash}-${name}`);
});

test('only a path directly in the store is a store path', () => {
  const whole: StorePath = sourcePath('libc', sha256(''));
  expect(parseStorePath(whole)).toBe(whole);
  expect(parseDrvPath(whole)).toBeNull();
  expect(parseDrvPath(`${whole}.drv`)).toBe(`${whole}.drv`);
  for (const text of [
    `${whole}/a`,
    whole.slice(0, -5),
    whole.replace('-', '_'),
    `/other${whole}`,
    '/nix/store/',
    `${whole}\n`,
  ]) {
    expect(parseStorePath(text), text).toBeNull();
  }
  expect(parseStorePath(`/nix/store/${'e'.repeat(32)}-a`)).toBeNull();
});

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { diskCache } from '../../src/cargo/disk-cache.ts';
import type { Toolchain } from '../../src/cargo/types.ts';
import { systemOf } from '../../src/plan/draft.ts';
import { openNixTools } from '../../src/plan/nix-tools.ts';
import { readToolchainInput, sysrootFiles } from '../../src/plan/toolchain.ts';
import { compareVersions } from '../../src/plan/versions.ts';
import { assignments, wordList } from '../../src/plan/words.ts';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drydock-plan-'));
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

test('a shell reads a word list as the words that went in', () => {
  const word = fc.string({ unit: fc.constantFrom('a', ' ', "'", '"', '$', '`', '\\', '\n', '*', ';', 'ä', '=') });
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), (words) => {
      const script = 'eval "set -- $list"; for word do printf "%s\\0" "$word"; done';
      const output = execFileSync('/bin/sh', ['-c', script], { env: { list: wordList(words) }, encoding: 'utf8' });
      expect(output.split('\0').slice(0, -1)).toEqual(words);
    }),
    { numRuns: 40 },
  );
});

test('equal environments give equal word lists', () => {
  const pairs: [string, string][] = [
    ['B', "it's"],
    ['A', ''],
  ];
  expect(assignments(new Map(pairs))).toBe(String.raw`'A=' 'B=it'\''s'`);
  expect(assignments(new Map(pairs.toReversed()))).toBe(assignments(new Map(pairs)));
});

test('versions are ordered as semver says', () => {
  const ordered = [
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0',
    '1.9.0',
    '1.10.0',
  ];
  expect(ordered.toReversed().sort(compareVersions)).toEqual(ordered);
});

test('Nix names systems by the first part of a triple', () => {
  expect(systemOf('x86_64-unknown-linux-gnu')).toBe('x86_64-linux');
  expect(systemOf('aarch64-unknown-linux-musl')).toBe('aarch64-linux');
});

test('the path of a toolchain follows the files that building reads, and no others', async () => {
  const sysroot = path.join(directory, 'sysroot');
  const host = 'x86_64-unknown-linux-gnu';
  const put = (name: string, text: string, mode = 0o644): void => {
    fs.mkdirSync(path.dirname(path.join(sysroot, name)), { recursive: true });
    fs.writeFileSync(path.join(sysroot, name), text, { mode });
  };
  put('bin/rustc', 'rustc', 0o755);
  put('bin/cargo', 'cargo', 0o755);
  put('bin/rust-gdb', 'not read', 0o755);
  put('lib/librustc_driver-1.so', 'driver');
  put('lib/unrelated.so', 'not read');
  put(`lib/rustlib/${host}/lib/libstd-1.rlib`, 'std');
  put('lib/rustlib/wasm32-unknown-unknown/lib/libstd-2.rlib', 'other std');
  put('share/doc/rust', 'not read');
  expect(sysrootFiles(sysroot, [host]).map(({ name }) => name)).toEqual([
    'bin/rustc',
    'bin/cargo',
    'lib/librustc_driver-1.so',
    `lib/rustlib/${host}/lib/libstd-1.rlib`,
  ]);

  const toolchain: Toolchain = {
    cargo: path.join(sysroot, 'bin/cargo'),
    rustc: path.join(sysroot, 'bin/rustc'),
    rustcName: 'rustc',
    sysroot,
    verboseVersion: '',
    release: '1.95.0',
    host,
    cfgs: () => [],
    fileName: () => null,
  };
  const cache = diskCache(path.join(directory, 'cache'));
  const nix = openNixTools({}, cache);
  const read = (platforms: string[]) => readToolchainInput(toolchain, platforms, cache, nix);
  const first = (await read([])).for(null);
  expect(first.rustc).toBe(`${first.path}/bin/rustc`);
  expect(first.inputs).toMatchObject([{ kind: 'host-directory', path: first.path, from: sysroot }]);
  put('share/doc/rust', 'changed');
  expect((await read([])).for(null).path).toBe(first.path);
  const cross = (await read(['wasm32-unknown-unknown'])).for('wasm32-unknown-unknown');
  expect(cross.path).not.toBe(first.path);
  put(`lib/rustlib/${host}/lib/libstd-1.rlib`, 'STD');
  expect((await read([])).for(null).path).not.toBe(first.path);

  put('elsewhere/cargo', 'another cargo', 0o755);
  const split = await readToolchainInput(
    { ...toolchain, cargo: path.join(sysroot, 'elsewhere/cargo') },
    [],
    cache,
    nix,
  );
  expect(split.for(null).cargo).toMatch(/-cargo\/bin\/cargo$/);
  expect(split.for(null).inputs).toHaveLength(2);
  put('elsewhere/rustc', 'another rustc', 0o755);
  const foreign = { ...toolchain, rustc: path.join(sysroot, 'elsewhere/rustc') };
  const calling = (await readToolchainInput(foreign, [], cache, nix)).for(null);
  expect(calling.rustc).toMatch(/-rustc\/bin\/rustc$/);
  expect(calling.inputs).toHaveLength(2);
  fs.rmSync(path.join(sysroot, 'bin/rustc'));
  await expect(readToolchainInput(foreign, [], cache, nix)).rejects.toThrow(/D0703/);
});

import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import * as path from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { splitStorePath } from '../../src/nix/store-path.ts';
import { defaultStoreRoot, openStore } from '../../src/store/store.ts';
import { UserError } from '../../src/sys/errors.ts';
import { anyOutput, build, childProgram, freshStore, scratch, start, textSource } from './support.ts';

const isRoot = process.getuid?.() === 0;
/** Nobody has this id: a process under it is an ordinary user that owns nothing. */
const USER = 64_321;

let program = '';
beforeAll(async () => {
  program = await childProgram();
});

const mounted: string[] = [];
afterEach(() => {
  for (const place of mounted.splice(0)) execFileSync('umount', ['--lazy', place]);
});

function mount(options: string): string {
  const place = scratch();
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'none', place]);
  mounted.push(place);
  return place;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => new Error('no error'),
    (error: unknown) => error,
  );
  if (error instanceof UserError) return error.code;
  throw error;
}

test('the store is where the user says, or in the data directory', () => {
  expect(defaultStoreRoot({ HOME: '/home/me' })).toBe('/home/me/.local/share/drydock');
  expect(defaultStoreRoot({ HOME: '/home/me', XDG_DATA_HOME: '/data' })).toBe('/data/drydock');
  expect(defaultStoreRoot({ HOME: '/home/me', XDG_DATA_HOME: 'relative' })).toBe('/home/me/.local/share/drydock');
  expect(defaultStoreRoot({ HOME: '/home/me', XDG_DATA_HOME: '/data', DRYDOCK_STORE: '/s' })).toBe('/s');
});

test('a store of a newer format is not touched', async () => {
  const root = path.join(scratch(), 'store');
  mkdirSync(path.join(root, 'nix/var/drydock'), { recursive: true });
  writeFileSync(path.join(root, 'nix/var/drydock/format'), '2\n');
  expect(await codeOf(openStore(root))).toBe('D0501');
  expect(
    readdirSync(path.join(root, 'nix'), { recursive: true, encoding: 'utf8' }).sort((a, b) => (a < b ? -1 : 1)),
  ).toEqual(['var', 'var/drydock', 'var/drydock/format']);
});

test('opening and reading a store that is not there makes nothing', async () => {
  const root = path.join(scratch(), 'store');
  const store = await openStore(root);
  expect(store.valid([anyOutput('x')]).size).toBe(0);
  expect(await store.collect()).toEqual({ status: 'collected', removed: [], bytes: 0 });
  expect(await store.verify()).toEqual([]);
  expect(store.size()).toEqual({ pure: { paths: 0, bytes: 0 }, dev: { paths: 0, bytes: 0 } });
  await store.close();
  expect(existsSync(root)).toBe(false);
});

test('an ordinary user has a store of their own: add, build, build again, collect, verify', async () => {
  const home = scratch();
  if (isRoot) chownSync(home, USER, USER);
  const child = start(
    program,
    [path.join(home, 'data/store'), 'upkeep', path.join(home, 'files')],
    isRoot ? USER : undefined,
  );
  await child.end;
  expect(child.said).toMatchObject([{ valid: 1, collected: { status: 'collected', bytes: 5 }, left: 0, corrupt: [] }]);
  const { uid } = statSync(path.join(home, 'data/store/nix/store'));
  expect(uid).toBe(isRoot ? USER : process.getuid?.());
  expect(readdirSync(path.join(home, 'data/store/nix/var/drydock/work'))).toEqual([]);
});

test.runIf(isRoot)("somebody else's store is an error that says so", async () => {
  const root = path.join(scratch(), 'store');
  await build(await freshStore(root), anyOutput('x'), 'dev', () => {});
  const files = scratch();
  chownSync(files, USER, USER);
  const child = start(program, [root, 'add', files], USER);
  await child.end;
  expect(child.said).toMatchObject([{ code: 'D0503' }]);
});

test.runIf(isRoot)('a read-only store can be read, and writing is an error that says so', async () => {
  const place = mount('size=10m');
  const root = path.join(place, 'store');
  const output = anyOutput('x');
  const writer = await openStore(root);
  await build(writer, output, 'dev', (out) => writeFileSync(path.join(out, 'f'), 'x'));
  await writer.close();
  execFileSync('mount', ['-o', 'remount,ro', place]);
  const store = await freshStore(root);
  expect(store.valid([output]).size).toBe(1);
  expect(await store.verify()).toEqual([]);
  expect(await codeOf(store.addSource(textSource('t', 't')))).toBe('D0503');
  expect(await codeOf(store.lockOutput(anyOutput('y')))).toBe('D0503');
  expect(await codeOf(store.prepareOutput(anyOutput('y')))).toBe('D0503');
});

test.runIf(isRoot)(
  'a full disk is an error that says so; what was there stays valid, and room makes it work again',
  async () => {
    const root = path.join(mount('size=2m'), 'store');
    const store = await freshStore(root);
    const small = textSource('small', 'x');
    await store.addSource(small);
    const large = textSource('large', 'y'.repeat(3_000_000));
    expect(await codeOf(store.addSource(large))).toBe('D0502');
    expect(store.valid([small.path, large.path])).toEqual(new Set([small.path]));
    const output = anyOutput('x');
    const held = await store.lockOutput(output);
    const handle = await store.prepareOutput(output);
    expect(() => writeFileSync(path.join(handle.directory, 'f'), Buffer.alloc(3_000_000))).toThrow(/ENOSPC/);
    await store.discardOutput(handle);
    held.release();
    await store.close();
    const later = await freshStore(root);
    await build(later, output, 'dev', (out) => writeFileSync(path.join(out, 'f'), Buffer.alloc(1_000_000)));
    expect(later.valid([small.path, output]).size).toBe(2);
    expect(await later.verify()).toEqual([]);
  },
);

describe('a damaged record means: not valid, one warning, built again', () => {
  const damages: Readonly<Record<string, (file: string) => void>> = {
    empty: (file) => writeFileSync(file, ''),
    half: (file) => writeFileSync(file, readFileSync(file, 'utf8').slice(0, 100)),
    zeros: (file) => writeFileSync(file, Buffer.alloc(300)),
    'another shape': (file) => writeFileSync(file, '{"version":1,"path":7}'),
    'another version': (file) => writeFileSync(file, readFileSync(file, 'utf8').replace('"version":1', '"version":9')),
    'a directory': (file) => {
      execFileSync('rm', [file]);
      mkdirSync(file);
    },
    'a loop of symlinks': (file) => {
      execFileSync('rm', [file]);
      symlinkSync(file, file);
    },
  };
  test.each(Object.keys(damages))('%s', async (damage) => {
    const store = await freshStore();
    const output = anyOutput('x');
    const fill = (out: string) => writeFileSync(path.join(out, 'f'), 'x');
    await build(store, output, 'dev', fill);
    const file = path.join(store.root, 'nix/var/drydock/info/dev', splitStorePath(output).hash);
    damages[damage]?.(file);
    expect(store.valid([output]).size).toBe(0);
    expect(store.valid([output]).size).toBe(0);
    expect(store.takeWarnings()).toMatchObject([{ kind: 'record-unreadable', file }]);
    expect(store.takeWarnings()).toEqual([]);
    await build(store, output, 'dev', fill);
    expect(store.valid([output]).size).toBe(1);
  });
});

test.runIf(isRoot)('a record that may not be read is a warning too', async () => {
  const root = path.join(scratch(), 'store');
  const store = await freshStore(root);
  await build(store, anyOutput('x'), 'dev', () => {});
  const file = path.join(root, 'nix/var/drydock/info/dev', splitStorePath(anyOutput('x')).hash);
  chmodSync(file, 0);
  const read = spawnSync(process.execPath, ['-e', `require('fs').readFileSync(${JSON.stringify(file)})`], {
    uid: USER,
    gid: USER,
    cwd: '/',
  });
  expect(read.status).not.toBe(0);
  const child = start(program, [root, 'build', 'x'], USER);
  await child.end;
  expect(child.said).toMatchObject([{ code: 'D0503' }]);
});

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { splitStorePath } from '../../src/nix/store-path.ts';
import type { DrvPath } from '../../src/nix/types.ts';
import type { CommitOutcome } from '../../src/store/types.ts';
import { anyOutput, build, freshStore, nixHash, scratch, textSource } from './support.ts';

function committed(outcome: CommitOutcome) {
  if (outcome.status !== 'committed') throw new Error(JSON.stringify(outcome));
  return outcome;
}

test('an output of the pure lane is canonical, hashed as by Nix, and its references are found', async () => {
  const store = await freshStore();
  const [used, unused, self] = [textSource('used', 'a'), textSource('unused', 'b'), anyOutput('self')];
  await store.addSource(used);
  await store.addSource(unused);
  const outcome = committed(
    await build(
      store,
      self,
      'pure',
      (out) => {
        mkdirSync(path.join(out, 'sub/empty'), { recursive: true });
        writeFileSync(path.join(out, 'sub/run'), `${'x'.repeat(300_000)}${self}`, { mode: 0o700 });
        writeFileSync(path.join(out, 'plain'), '', { mode: 0o666 });
        symlinkSync(used.path, path.join(out, 'link'));
      },
      [used.path, unused.path, self],
    ),
  );
  expect(outcome.references).toEqual([used.path, self]);
  expect(outcome.narHash).toBe(nixHash(store.hostPath(self)));
  expect(store.valid([self])).toEqual(new Set([self]));
  const modes = ['', 'sub', 'sub/empty', 'sub/run', 'plain'].map((name) => {
    const stat = lstatSync(path.join(store.hostPath(self), name));
    expect(stat.mtimeMs).toBe(1000);
    return stat.mode & 0o7777;
  });
  expect(modes).toEqual([0o555, 0o555, 0o555, 0o555, 0o444]);
  expect(lstatSync(path.join(store.hostPath(self), 'link')).mtimeMs).toBe(1000);
  expect(store.closure([self])).toEqual({ paths: [self, used.path], missing: [] });
});

test('an output whose reference is not valid any more is not valid', async () => {
  const store = await freshStore();
  const used = textSource('used', 'a');
  await store.addSource(used);
  const output = anyOutput('user');
  await build(store, output, 'pure', (out) => writeFileSync(path.join(out, 'f'), used.path), [used.path]);
  chmodSync(store.hostPath(used.path), 0o644);
  writeFileSync(store.hostPath(used.path), 'b');
  expect(store.valid([output]).size).toBe(0);
  expect(store.takeWarnings()).toEqual([{ kind: 'content-changed', path: used.path, file: '' }]);
  await store.addSource(used);
  expect(store.valid([output]).size).toBe(1);
});

test('a file with a second link is copied: the incremental state keeps its own file, writable, with its time', async () => {
  const store = await freshStore();
  const cached = path.join(scratch(), 'metadata.rmeta');
  writeFileSync(cached, 'meta', { mode: 0o644 });
  const before = lstatSync(cached);
  const output = anyOutput('lib');
  committed(await build(store, output, 'dev', (out) => linkSync(cached, path.join(out, 'lib.rmeta'))));
  const after = lstatSync(cached);
  expect([after.mode, after.mtimeMs]).toEqual([before.mode, before.mtimeMs]);
  writeFileSync(cached, 'META');
  expect(store.valid([output]).size).toBe(1);
  expect(readFileSync(path.join(store.hostPath(output), 'lib.rmeta'), 'utf8')).toBe('meta');
});

describe('a write through a file in target/ makes the path invalid', () => {
  const ways: Readonly<Record<string, (link: string) => void>> = {
    'same length': (link) => writeFileSync(link, 'BINARY'),
    'other length': (link) => writeFileSync(link, 'longer than it was'),
    'no longer executable': (link) => chmodSync(link, 0o644),
    touch: (link) => execFileSync('touch', [link]),
  };
  test.each(Object.keys(ways))('%s', async (way) => {
    const store = await freshStore();
    const output = anyOutput('bin');
    const fill = (out: string) => writeFileSync(path.join(out, 'bin'), 'binary', { mode: 0o755 });
    await build(store, output, 'dev', fill);
    const link = path.join(path.dirname(store.root), 'bin');
    linkSync(path.join(store.hostPath(output), 'bin'), link);
    expect(store.valid([output]).size).toBe(1);
    chmodSync(link, 0o755);
    expect(store.valid([output]).size).toBe(1);
    ways[way]?.(link);
    expect(store.valid([output]).size).toBe(0);
    expect(store.takeWarnings()).toEqual([{ kind: 'content-changed', path: output, file: 'bin' }]);
    await build(store, output, 'dev', fill);
    expect(store.valid([output]).size).toBe(1);
    expect(readFileSync(path.join(store.hostPath(output), 'bin'), 'utf8')).toBe('binary');
  });
});

describe('an output that holds what a store may not hold is refused', () => {
  const wrongs: Readonly<Record<string, (out: string) => void | Promise<void>>> = {
    fifo: (out) => void execFileSync('mkfifo', [path.join(out, 'it')]),
    'set-id': (out) => {
      writeFileSync(path.join(out, 'it'), '');
      chmodSync(path.join(out, 'it'), 0o4755);
    },
    'name-not-utf8': (out) => writeFileSync(Buffer.from(`${out}/\xff`, 'latin1'), ''),
    // Bound at a short name: the address of a socket has room for 108 bytes.
    socket: (out) =>
      new Promise((resolve) => {
        const short = path.join(scratch(), 'it');
        const server = createServer().listen(short, () => {
          renameSync(short, path.join(out, 'it'));
          resolve();
        });
        server.unref();
      }),
  };
  test.each(Object.keys(wrongs))('%s', async (why) => {
    const store = await freshStore();
    const output = anyOutput('odd');
    const held = await store.lockOutput(output);
    const handle = await store.prepareOutput(output);
    mkdirSync(path.join(handle.directory, 'd'));
    await wrongs[why]?.(path.join(handle.directory, 'd'));
    const outcome = await store.commitOutput(handle, { lane: 'pure', candidates: [], deriver: null });
    expect(outcome).toMatchObject({ status: 'refused', why });
    await store.discardOutput(handle);
    held.release();
    expect(store.valid([output]).size).toBe(0);
  });
});

test('a builder that closed its own directories is no obstacle', async () => {
  const store = await freshStore();
  const output = anyOutput('closed');
  const fill = (out: string) => {
    mkdirSync(path.join(out, 'a/b'), { recursive: true });
    writeFileSync(path.join(out, 'a/b/c'), '');
    for (const name of ['a/b', 'a', '']) chmodSync(path.join(out, name), 0o500);
  };
  committed(await build(store, output, 'pure', fill));
  committed(await build(store, output, 'pure', fill));
  expect(store.valid([output]).size).toBe(1);
});

test('the log of a derivation comes back line by line', async () => {
  const store = await freshStore();
  const drv = `${anyOutput('unit')}.drv` as DrvPath;
  expect(await store.readLog(drv)).toBe(null);
  await store.writeLog(drv, ['one', '', 'three']);
  expect(await store.readLog(drv)).toEqual(['one', '', 'three']);
  await store.writeLog(drv, []);
  expect(await store.readLog(drv)).toEqual([]);
  expect(splitStorePath(drv).name).toBe('unit.drv');
});

test("a file of one's own keeps the time of its build and the permissions of the umask, and is watched all the same", async () => {
  const store = await freshStore();
  const output = anyOutput('bin');
  const handle = await store.prepareOutput(output);
  for (const name of ['bin', 'other']) writeFileSync(path.join(handle.directory, name), 'binary', { mode: 0o755 });
  const built = lstatSync(path.join(handle.directory, 'bin'));
  await store.commitOutput(handle, { lane: 'dev', candidates: [], deriver: null, own: ['bin'] });
  const at = (name: string) => lstatSync(path.join(store.hostPath(output), name));
  expect([at('bin').mode, at('bin').mtimeMs]).toEqual([built.mode, built.mtimeMs]);
  expect([at('other').mode & 0o777, at('other').mtimeMs]).toEqual([0o555, 1000]);

  await store.renew(output);
  expect(at('bin').mtimeMs).toBeGreaterThan(built.mtimeMs);
  expect(at('other').mtimeMs).toBe(1000);
  expect((await freshStore(store.root)).valid([output]).size).toBe(1);
  writeFileSync(path.join(store.hostPath(output), 'bin'), 'BINARY');
  expect((await freshStore(store.root)).valid([output]).size).toBe(0);
});

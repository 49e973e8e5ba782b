import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import type { StorePath } from '../../src/nix/types.ts';
import { anyOutput, build, childProgram, freshStore, scratch, start } from './support.ts';

let program = '';
beforeAll(async () => {
  program = await childProgram();
});

test('two processes want one output: one builds, the other waits and finds it', async () => {
  const root = path.join(scratch(), 'store');
  const go = path.join(scratch(), 'go');
  const first = start(program, [root, 'build', 'x', go]);
  await first.until('building');
  const second = start(program, [root, 'build', 'x', go]);
  await second.until('waiting');
  writeFileSync(go, '');
  await Promise.all([first.end, second.end]);
  expect([first.said, second.said]).toEqual([
    ['building', 'built'],
    ['waiting', 'found'],
  ]);
});

test('the builder is killed: the one who waits builds, and nothing is left of the dead one', async () => {
  const root = path.join(scratch(), 'store');
  const first = start(program, [root, 'build', 'x', '/nonexistent']);
  await first.until('building');
  const second = start(program, [root, 'build', 'x']);
  await second.until('waiting');
  first.process.kill('SIGKILL');
  await second.end;
  expect(second.said).toEqual(['waiting', 'building', 'built']);
  const store = await freshStore(root);
  const output = anyOutput('x');
  expect(store.valid([output]).size).toBe(1);
  expect(readFileSync(path.join(store.hostPath(output), 'a'), 'utf8')).toBe(`made by ${second.process.pid}`);
  await store.prepareOutput(anyOutput('y'));
  expect(readdirSync(path.join(root, 'nix/var/drydock/work'))).toHaveLength(1);
});

test('four processes add the same files, trees and texts in different orders', async () => {
  const root = path.join(scratch(), 'store');
  const directory = scratch();
  const children = [0, 1, 2, 3].map((seed) => start(program, [root, 'add', directory, `${seed}`]));
  await Promise.all(children.map((child) => child.end));
  expect(children.map((child) => child.said)).toEqual([['done'], ['done'], ['done'], ['done']]);
  const store = await freshStore(root);
  expect(store.size().pure.paths).toBe(30);
  expect(await store.verify()).toEqual([]);
});

test('kill -9 at any moment loses nothing that was finished and leaves nothing half done', async () => {
  const root = path.join(scratch(), 'store');
  const directory = scratch();
  const store = await freshStore(root);
  await build(store, anyOutput('first'), 'dev', () => {});
  for (let round = 0; round < 12; round++) {
    const children = [0, 1].map((seed) => start(program, [root, 'forever', directory, `${seed}`]));
    await Promise.race(children.map((child) => new Promise((resolve) => child.process.stdout?.once('data', resolve))));
    await sleep(Math.random() * 120);
    for (const child of children) child.process.kill('SIGKILL');
    await Promise.all(children.map((child) => child.end));
    // The two replace each other's outputs, so of these only the sources must be valid; all that is, is whole.
    const sources = children.flatMap((child) => (child.said as StorePath[][]).map(([source]) => source as StorePath));
    expect(sources.length).toBeGreaterThan(0);
    expect([...store.valid(sources)]).toHaveLength(new Set(sources).size);
    expect(await store.verify()).toEqual([]);
    expect(store.takeWarnings()).toEqual([]);
  }
  await store.close();
  const after = await freshStore(root);
  await build(after, anyOutput('last'), 'dev', () => {});
  expect(readdirSync(path.join(root, 'nix/var/drydock/work'))).toHaveLength(1);
  const outcome = await after.collect({ all: true, budgetBytes: -1, olderThanDays: -1 });
  expect(outcome.status).toBe('collected');
  expect(readdirSync(path.join(root, 'nix/store'))).toEqual([]);
  expect(readdirSync(path.join(root, 'nix/var/drydock/locks'))).toEqual([]);
}, 120_000);

test('collection stays away while a build runs elsewhere', async () => {
  const root = path.join(scratch(), 'store');
  const store = await freshStore(root);
  const output = anyOutput('x');
  await build(store, output, 'dev', () => {});
  const child = start(program, [root, 'hold']);
  await child.until('held');
  expect(await store.collect({ budgetBytes: -1 })).toEqual({ status: 'busy' });
  expect(store.valid([output]).size).toBe(1);
  child.process.kill('SIGKILL');
  await child.end;
  expect(await store.collect({ budgetBytes: -1 })).toEqual({ status: 'collected', removed: [output], bytes: 0 });
  expect(store.valid([output]).size).toBe(0);
});

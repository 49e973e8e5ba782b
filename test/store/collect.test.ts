import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { splitStorePath } from '../../src/nix/store-path.ts';
import type { StorePath } from '../../src/nix/types.ts';
import type { Lane, Store } from '../../src/store/types.ts';
import { anyOutput, build, freshStore, scratch, textSource, treeSource } from './support.ts';

const KB = 1000;

/** Builds outputs of 1000 bytes each, the first one used longest ago. */
async function outputs(store: Store, names: readonly string[], lane: Lane = 'dev'): Promise<StorePath[]> {
  const paths = names.map((name) => anyOutput(name));
  for (const [index, output] of paths.entries()) {
    await build(store, output, lane, (out) => writeFileSync(path.join(out, 'f'), Buffer.alloc(KB)));
    usedDaysAgo(store, output, lane, 100 - index);
  }
  return paths;
}

function usedDaysAgo(store: Store, output: StorePath, lane: Lane, days: number): void {
  const when = Date.now() / 1000 - days * 86_400;
  utimesSync(path.join(store.root, 'nix/var/drydock/info', lane, splitStorePath(output).hash), when, when);
}

function roots(targetDir: string, units: Readonly<Record<string, StorePath>>, lane: Lane = 'dev') {
  return { targetDir, units: new Map(Object.entries(units).map(([id, output]) => [id, { path: output, lane }])) };
}

test('beyond the budget the least recently used go', async () => {
  const store = await freshStore();
  const [a, b, c, d] = (await outputs(store, ['a', 'b', 'c', 'd'])) as [StorePath, StorePath, StorePath, StorePath];
  expect(await store.collect()).toEqual({ status: 'collected', removed: [], bytes: 0 });
  expect(await store.collect({ budgetBytes: 2 * KB })).toEqual({ status: 'collected', removed: [a, b], bytes: 2 * KB });
  expect(store.valid([a, b, c, d])).toEqual(new Set([c, d]));
  expect(readdirSync(path.join(store.root, 'nix/store'))).toHaveLength(2);
  expect(readdirSync(path.join(store.root, 'nix/var/drydock/work'), { recursive: true })).toHaveLength(2);
});

test('the last two outputs of each unit stay, whatever the budget', async () => {
  const store = await freshStore();
  const target = scratch();
  const [a, b, c, other] = (await outputs(store, ['a', 'b', 'c', 'other'])) as [
    StorePath,
    StorePath,
    StorePath,
    StorePath,
  ];
  for (const output of [a, b, c]) await store.registerRoots(roots(target, { unit: output }));
  expect(await store.collect({ budgetBytes: 0 })).toMatchObject({
    removed: expect.arrayContaining([a, other]) as unknown,
  });
  expect(store.valid([a, b, c, other])).toEqual(new Set([b, c]));
  await store.registerRoots(roots(target, { unit: b }));
  await store.registerRoots(roots(target, { second: c }));
  expect(await store.collect({ budgetBytes: 0 })).toMatchObject({ removed: [] });
  expect(store.valid([b, c]).size).toBe(2);
});

test('what another checkout shows stays; a checkout whose target directory is gone counts no more', async () => {
  const store = await freshStore();
  const [one, two] = [scratch(), path.join(scratch(), 'target')];
  mkdirSync(two);
  const [a, b] = (await outputs(store, ['a', 'b'])) as [StorePath, StorePath];
  await store.registerRoots(roots(one, { unit: a }));
  await store.registerRoots(roots(two, { unit: b }));
  expect(await store.collect({ budgetBytes: 0 })).toMatchObject({ removed: [] });
  rmSync(two, { recursive: true });
  expect(await store.collect({ budgetBytes: 0 })).toMatchObject({ removed: [b] });
  expect(readdirSync(path.join(store.root, 'nix/var/drydock/roots'))).toHaveLength(1);
});

test('use counts: what a build used yesterday goes after what it used last year', async () => {
  const store = await freshStore();
  const target = path.join(scratch(), 'target');
  mkdirSync(target);
  const [a, b] = (await outputs(store, ['a', 'b'])) as [StorePath, StorePath];
  await store.registerRoots(roots(target, { unit: a }));
  rmSync(target, { recursive: true });
  expect(await store.collect({ budgetBytes: KB })).toMatchObject({ removed: [b] });
});

test('a damaged roots file is dropped, and keeps nothing from working', async () => {
  const store = await freshStore();
  const target = scratch();
  const [a] = (await outputs(store, ['a'])) as [StorePath];
  await store.registerRoots(roots(target, { unit: a }));
  const directory = path.join(store.root, 'nix/var/drydock/roots');
  writeFileSync(path.join(directory, readdirSync(directory)[0] ?? ''), '{"version":1,"targetDir":');
  await store.registerRoots(roots(target, { unit: a }));
  expect(await store.collect({ budgetBytes: 0 })).toMatchObject({ removed: [] });
});

test('pure paths go only when asked, when nothing reaches them, and when they are old', async () => {
  const store = await freshStore();
  const target = scratch();
  const [text, tree, young] = [textSource('used', 'u'), treeSource(scratch(), { a: 'a' }), textSource('young', 'y')];
  for (const source of [text, tree, young]) await store.addSource(source);
  const output = anyOutput('pure');
  await build(store, output, 'pure', (out) => writeFileSync(path.join(out, 'f'), text.path), [text.path]);
  const [loose] = (await outputs(store, ['loose'], 'pure')) as [StorePath];
  for (const old of [text.path, tree.path, output]) usedDaysAgo(store, old, 'pure', 31);
  await store.registerRoots(roots(target, { unit: output }, 'pure'));
  expect(await store.collect({ budgetBytes: 0 })).toMatchObject({ removed: [] });
  const outcome = await store.collect({ all: true });
  if (outcome.status !== 'collected') throw new Error(outcome.status);
  expect(new Set(outcome.removed)).toEqual(new Set([tree.path, loose]));
  expect(store.valid([text.path, output, young.path]).size).toBe(3);
});

test('sizes by lane', async () => {
  const store = await freshStore();
  await outputs(store, ['a', 'b']);
  await outputs(store, ['c'], 'pure');
  expect(store.size()).toEqual({ pure: { paths: 1, bytes: KB }, dev: { paths: 2, bytes: 2 * KB } });
});

test('verify finds what was damaged without a trace in its times, and repairs by removing it', async () => {
  const store = await freshStore();
  const [dev] = (await outputs(store, ['dev'])) as [StorePath];
  const [pure, intact] = (await outputs(store, ['pure', 'intact'], 'pure')) as [StorePath, StorePath];
  const file = path.join(store.hostPath(pure), 'f');
  chmodSync(file, 0o644);
  writeFileSync(file, Buffer.alloc(KB, 'x'));
  chmodSync(file, 0o444);
  utimesSync(file, 1, 1);
  rmSync(path.join(store.hostPath(dev), 'f'));
  expect(store.valid([pure]).size).toBe(1);
  const found = await store.verify();
  expect(found).toMatchObject([
    { path: pure, repaired: false },
    { path: dev, repaired: false, why: 'f is missing or was written to' },
  ]);
  expect(await store.verify({ repair: true })).toMatchObject([
    { path: pure, repaired: true },
    { path: dev, repaired: true },
  ]);
  expect(store.valid([pure, dev, intact])).toEqual(new Set([intact]));
  expect(await store.verify()).toEqual([]);
  expect(existsSync(store.hostPath(pure))).toBe(false);
});

import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import type { StorePath } from '../../src/nix/types.ts';
import type { Store } from '../../src/store/types.ts';
import { anyOutput, build, freshStore } from './support.ts';

const names = Array.from({ length: 40 }, (_, index) => `unit-${index}`);

async function filled(): Promise<{ store: Store; paths: StorePath[] }> {
  const store = await freshStore();
  const paths = names.map((name) => anyOutput(name));
  for (const output of paths) await build(store, output, 'dev', (out) => writeFileSync(path.join(out, 'f'), output));
  return { store, paths };
}

/** As if the last change of a record were long ago: only then an answer is kept. */
function settle(store: Store): void {
  for (const lane of ['pure', 'dev']) utimesSync(path.join(store.root, 'nix/var/drydock/info', lane), 1e9, 1e9);
}

const answers = (store: Store) => path.join(store.root, 'nix/var/drydock/answers');

test('an answer is kept, and follows every change of records and contents', async () => {
  const { store, paths } = await filled();
  expect(store.valid(paths).size).toBe(40);
  expect(() => readdirSync(answers(store))).toThrow('ENOENT');
  settle(store);
  expect(store.valid(paths).size).toBe(40);
  expect(readdirSync(answers(store))).toHaveLength(1);
  const later = await freshStore(store.root);
  expect(later.valid(paths).size).toBe(40);
  expect(later.hostPath(paths[0]!)).toBe(store.hostPath(paths[0]!));
  utimesSync(path.join(store.hostPath(paths[3]!), 'f'), 5, 5);
  expect(later.valid(paths)).toEqual(new Set(paths.filter((one) => one !== paths[3])));
  expect(await later.verify({ repair: true })).toHaveLength(1);
  expect(later.valid(paths).size).toBe(39);
  await build(later, paths[3]!, 'dev', (out) => writeFileSync(path.join(out, 'f'), 'again'));
  expect(later.valid(paths).size).toBe(40);
});

test('a damaged answer is no answer', async () => {
  const { store, paths } = await filled();
  settle(store);
  store.valid(paths);
  const file = path.join(answers(store), readdirSync(answers(store))[0] ?? '');
  for (const damage of ['', '{', 'null', '{"stamp":1,"records":[]}', '[]']) {
    writeFileSync(file, damage);
    expect((await freshStore(store.root)).valid(paths).size).toBe(40);
  }
});

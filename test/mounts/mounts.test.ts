import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { StorePath } from '../../src/nix/types.ts';
import { declareViews, parseViews } from '../../src/mounts/views.ts';
import { declareCacheMounts, parseCacheMounts } from '../../src/mounts/declare.ts';
import { guardFile } from '../../src/mounts/guard.ts';
import { holdMounts } from '../../src/mounts/hold.ts';
import type { MountGrant } from '../../src/mounts/types.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'drydock-mounts-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const grant = (more: Partial<MountGrant> = {}): MountGrant => ({
  id: 'a',
  target: '/incremental',
  sharing: 'locked',
  ro: false,
  directory: path.join(root, 'deep/a'),
  transactional: true,
  ...more,
});

test('a declaration reads back as it was written, in one order', () => {
  const mounts = [
    { id: 'z', target: '/b', sharing: 'shared', ro: true },
    { id: 'a/b+c@1.0', target: '/a', sharing: 'locked', ro: false },
  ] as const;
  const text = declareCacheMounts(mounts);
  expect(parseCacheMounts(text)).toEqual([mounts[1], mounts[0]]);
  expect(declareCacheMounts(mounts.toReversed())).toBe(text);
  expect(declareCacheMounts([grant()])).not.toContain(root);
});

test.each([
  '',
  '{}',
  '[1]',
  '[{"id":"a","target":"a","sharing":"locked","ro":false}]',
  '[{"id":"a","target":"/a/../b","sharing":"locked","ro":false}]',
  '[{"id":"a","target":"/a","sharing":"other","ro":false}]',
  ...['', '/a', 'a/', 'a//b', '../a', 'a/../../b', '.', 'a b', 'a\\nb', 'ü', 'a'.repeat(201)].map(
    (id) => `[{"id":"${id}","target":"/a","sharing":"locked","ro":false}]`,
  ),
  `[${Array.from({ length: 17 }, (_, at) => `{"id":"a${at}","target":"/a${at}","sharing":"locked","ro":false}`).join()}]`,
])('what is no declaration is refused: %s', (text) => {
  expect(parseCacheMounts(text)).toBeNull();
});

test('views read back as they were written, in one order, without what no hook can be told', () => {
  const source = '/nix/store/00000000000000000000000000000000-made' as StorePath;
  const of = (...targets: readonly string[]) => declareViews(targets.map((target) => ({ target, source })));
  expect(of('/b', '/a', '/b', '/a b/ü')).toBe(of('/a', '/a b/ü', '/b'));
  expect(parseViews(of('/b', '/a') ?? '')).toEqual([
    { target: '/a', source },
    { target: '/b', source },
  ]);
  for (const target of ['a', '/a=b', '/a"b', '/a\\b', '/a\nb', '/a?', '/', '/a//b', '/a/../b', '/a/']) {
    expect(of(target, '/good')).toBe(of('/good'));
    expect(of(target)).toBeNull();
    expect(parseViews(JSON.stringify({ [target]: source }))).toBeNull();
  }
  const many = Array.from({ length: 600 }, (_, at) => `/deps/${at}`);
  expect(parseViews(of(...many) ?? '')).toHaveLength(512);
  for (const text of ['', '[]', 'null', '{"/a":1}', '{']) expect(parseViews(text)).toBeNull();
});

test('the mark is there while the program may write, and gone after its clean end', async () => {
  const held = await holdMounts([grant()], {});
  expect(readFileSync(guardFile(grant().directory), 'utf8')).toBe('');
  await held.mark('/nix/store/x.drv');
  expect(readFileSync(guardFile(grant().directory), 'utf8')).toBe('/nix/store/x.drv\n');
  held.release(true);
  expect(readFileSync(guardFile(grant().directory), 'utf8')).toBe('');
});

test('state that is found marked is dropped, state after a clean end is kept', async () => {
  const file = path.join(grant().directory, 'state');
  const first = await holdMounts([grant()], {});
  await first.mark('x');
  writeFileSync(file, 'half');
  first.release(false);
  const second = await holdMounts([grant()], {});
  expect(second.mounts[0]?.dropped).toBe(true);
  expect(existsSync(file)).toBe(false);
  await second.mark('x');
  writeFileSync(file, 'whole');
  second.release(true);
  const third = await holdMounts([grant()], {});
  expect(third.mounts[0]?.dropped).toBe(false);
  expect(readFileSync(file, 'utf8')).toBe('whole');
  third.release(true);
});

test('a mount that is not transactional is never dropped', async () => {
  const plain = grant({ transactional: false });
  const first = await holdMounts([plain], {});
  await first.mark('x');
  writeFileSync(path.join(plain.directory, 'file'), 'x');
  first.release(false);
  const second = await holdMounts([plain], {});
  expect(second.mounts[0]?.dropped).toBe(false);
  expect(existsSync(path.join(plain.directory, 'file'))).toBe(true);
  second.release(true);
});

test('locked: the second waits and is told so', async () => {
  const first = await holdMounts([grant()], {});
  let waits = 0;
  const second = holdMounts([grant()], { onWait: () => waits++ });
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(waits).toBe(1);
  first.release(true);
  (await second).release(true);
});

test('private: the second gets another directory', async () => {
  const own = grant({ sharing: 'private' });
  const [first, second] = [await holdMounts([own], {}), await holdMounts([own], {})];
  expect(first.mounts[0]?.directory).toBe(own.directory);
  expect(second.mounts[0]?.directory).toBe(`${own.directory}.2`);
  expect(statSync(`${own.directory}.2`).isDirectory()).toBe(true);
  first.release(true);
  second.release(true);
});

test('shared: both have it', async () => {
  const common = grant({ sharing: 'shared' });
  const [first, second] = [await holdMounts([common], {}), await holdMounts([common], {})];
  expect(second.mounts[0]?.directory).toBe(common.directory);
  first.release(true);
  second.release(true);
});

test('removing the directory’s parent, as cargo clean does, removes lock and mark', async () => {
  const first = await holdMounts([grant()], {});
  await first.mark('x');
  first.release(false);
  rmSync(path.dirname(grant().directory), { recursive: true });
  const second = await holdMounts([grant()], {});
  expect(second.mounts[0]?.dropped).toBe(false);
  second.release(true);
});

test('two mounts are taken in one order, whatever the order of the grants', async () => {
  const [a, b] = [grant(), grant({ directory: path.join(root, 'deep/b') })];
  mkdirSync(path.join(root, 'deep'), { recursive: true });
  const both = await Promise.all(
    [
      [a, b],
      [b, a],
    ].map(async (grants) => {
      const held = await holdMounts(grants, {});
      await new Promise((resolve) => setTimeout(resolve, 5));
      held.release(true);
    }),
  );
  expect(both).toHaveLength(2);
});

test('state that a kill does no harm to is used on after a kill, and dropped after a crash of program or machine', async () => {
  const safe = grant({ killSafe: true });
  const file = path.join(safe.directory, 'state');
  const mark = guardFile(safe.directory);
  const next = async (): Promise<boolean> => {
    const held = await holdMounts([safe], {});
    const dropped = held.mounts[0]?.dropped;
    held.release(true);
    return dropped ?? false;
  };
  const killed = await holdMounts([safe], {});
  await killed.mark('/nix/store/x.drv');
  writeFileSync(file, 'good');
  killed.release(false);
  const left = readFileSync(mark, 'utf8');
  expect(await next()).toBe(false);
  expect(readFileSync(file, 'utf8')).toBe('good');

  writeFileSync(mark, left.replace(/ boot .*/, ' boot another'));
  expect(await next()).toBe(true);
  const crashed = await holdMounts([safe], {});
  await crashed.mark('/nix/store/x.drv');
  crashed.release(false, true);
  expect(await next()).toBe(true);
});

test('state of a mount that is not safe is dropped, whoever left it', async () => {
  const held = await holdMounts([grant({ killSafe: true })], {});
  await held.mark('/nix/store/x.drv');
  held.release(false);
  const second = await holdMounts([grant()], {});
  expect(second.mounts[0]?.dropped).toBe(true);
  second.release(true);
});

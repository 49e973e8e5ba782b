import { closeSync, existsSync, mkdtempSync, openSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lock, tryLock } from '../../src/sys/lock.ts';
import { run } from '../../src/sys/run.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'drydock-lock-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

let count = 0;
const fresh = () => path.join(directory, `${++count}`);

test('shared locks go together, an exclusive one goes alone', async () => {
  const file = fresh();
  const one = await tryLock(file, 'shared');
  const two = await tryLock(file, 'shared');
  expect([one?.kind, two?.kind]).toEqual(['shared', 'shared']);
  expect(await tryLock(file, 'exclusive')).toBe(null);
  one?.release();
  one?.release();
  expect(await tryLock(file, 'exclusive')).toBe(null);
  two?.release();
  const alone = await tryLock(file, 'exclusive');
  expect(await tryLock(file, 'shared')).toBe(null);
  alone?.release();
});

test('waiting says so once, leaves the event loop free, and ends when the lock is given back', async () => {
  const file = fresh();
  const first = await lock(file, 'exclusive');
  let waits = 0;
  const second = lock(file, 'exclusive', { onWait: () => waits++ });
  await sleep(150);
  expect(waits).toBe(1);
  first.release();
  (await second).release();
});

test('waiting can be ended', async () => {
  const file = fresh();
  const first = await lock(file, 'exclusive');
  const controller = new AbortController();
  const second = lock(file, 'exclusive', { signal: controller.signal });
  controller.abort(new Error('enough'));
  await expect(second).rejects.toThrow('enough');
  first.release();
});

test('a lock on a file that its holder deletes is not taken for one', async () => {
  const file = fresh();
  const first = await lock(file, 'exclusive');
  const second = lock(file, 'exclusive');
  await sleep(20);
  unlinkSync(file);
  first.release();
  const held = await second;
  expect(existsSync(file)).toBe(true);
  expect(await tryLock(file, 'exclusive')).toBe(null);
  held.release();
});

test('an open file can be locked, and stays open', async () => {
  const fd = openSync(fresh(), 'w');
  const held = await tryLock(fd, 'exclusive');
  expect(held?.fd).toBe(fd);
  held?.release();
  closeSync(fd);
});

test("it is the kernel's lock that others know: flock(1) meets it, and a child does not inherit it", async () => {
  const file = fresh();
  const held = await lock(file, 'exclusive');
  expect((await run('flock', ['--nonblock', file, 'true'])).code).toBe(1);
  const child = run('sleep', ['0.3']);
  held.release();
  expect((await run('flock', ['--nonblock', file, 'true'])).code).toBe(0);
  await child;
});

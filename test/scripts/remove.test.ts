/** What scripts leave behind has to go for everybody, not for root alone. */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../e2e/support.ts';

test('a store is removed by the ordinary user who owns it', () => {
  const directory = temporaryDirectory('remove');
  const script = path.join(directory, 'remove.mjs');
  fs.copyFileSync(new URL('../../scripts/remove.mjs', import.meta.url), script);
  const store = path.join(directory, 'store');
  fs.mkdirSync(path.join(store, 'path/inside'), { recursive: true });
  fs.writeFileSync(path.join(store, 'path/inside/file'), '', { mode: 0o444 });
  const user = process.getuid?.() === 0 ? { uid: 54_323, gid: 54_323 } : {};
  const own = spawnSync('chown', ['-R', `${user.uid ?? process.getuid?.()}`, directory]);
  expect(own.status).toBe(0);
  for (const name of ['path/inside', 'path']) fs.chmodSync(path.join(store, name), 0o555);
  const code = `import { removeTree } from ${JSON.stringify(script)}; removeTree(${JSON.stringify(store)}); removeTree(${JSON.stringify(store)});`;
  const ended = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    cwd: '/',
    encoding: 'utf8',
    ...user,
  });
  expect([ended.status, ended.stderr]).toEqual([0, '']);
  expect(fs.existsSync(store)).toBe(false);
});

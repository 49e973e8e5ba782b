/** What is left when drydock itself is killed. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { guardFile } from '../../src/mounts/guard.ts';
import { type GoalSpec, makeGoals, makeLab } from './helpers.ts';
import { makeUsers } from './users.ts';

/** Nobody else's: other runs of this test may be under way. */
const nap = `7${process.pid}.25`;
const [user] = await makeUsers();
const directory = mkdtempSync(path.join(tmpdir(), 'drydock-killed-'));
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
  if (user !== undefined) rmSync(user.home, { recursive: true, force: true });
});

test('kill -9 loses the units in flight, nothing else: no process, no half state, no half output', async () => {
  if (user === undefined) throw new Error('no user');
  const state = path.join(directory, 'state');
  const mounts = [
    { id: 'incremental', target: '/incremental', sharing: 'locked', ro: false, transactional: true, directory: state },
  ] as const;
  const flag = path.join(directory, 'once');
  mkdirSync(flag);
  writeFileSync(path.join(flag, 'first'), '');
  const once = {
    id: 'flag',
    target: '/flag',
    sharing: 'shared',
    ro: false,
    transactional: false,
    directory: flag,
  } as const;
  const specs: Record<string, GoalSpec> = {
    done: { script: 'echo done > $out/file' },
    flying: {
      script: [
        'echo half > /incremental/state; echo half > $DRYDOCK_OUT/half; cat $done/file',
        `if [ -e /flag/first ]; then rm /flag/first; sleep ${nap} & echo READY; sleep ${nap}; fi`,
        'ls /incremental; ls -A $out',
      ].join('\n'),
      needs: { done: 'whole' },
      mounts: [...mounts, once],
    },
  };
  const child = spawn(process.execPath, [user.program], {
    env: { PATH: process.env['PATH'], HOME: user.home, PROBE_DIRECTORY: directory },
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  child.stdin.end(JSON.stringify(specs));
  await new Promise<void>((resolve) => {
    child.stderr.on('data', (chunk: Buffer) => {
      if (chunk.includes('READY')) resolve();
    });
  });
  for (let tries = 0; sleepers() < 2 && tries < 500; tries++) await sleep(10);
  expect(sleepers()).toBe(2);
  child.kill('SIGKILL');
  for (let tries = 0; sleepers() > 0 && tries < 200; tries++) await sleep(10);
  expect(sleepers()).toBe(0);

  const goals = makeGoals(specs);
  expect(readFileSync(guardFile(state), 'utf8')).toBe(`${goals.get('flying')?.sealed.drvPath}\n`);
  const lab = await makeLab(undefined, directory);
  const build = await lab.build(goals);
  expect(Object.fromEntries(build.outcomes)).toMatchObject({ done: { status: 'valid' }, flying: { status: 'built' } });
  expect(build.events).toContainEqual({ type: 'state-dropped', key: 'flying', directory: state });
  expect(build.log('flying')).toEqual(['done', 'state', 'half']);
  expect(readFileSync(guardFile(state), 'utf8')).toBe('');
  expect(existsSync(path.join(state, '.out'))).toBe(false);
  const outPath = goals.get('flying')!.sealed.outPath;
  expect(readdirSync(lab.engine.hostPath(outPath))).toEqual(['half']);
  await lab.store.close();
  expect(readdirSync(path.join(directory, 'store/nix/var/drydock/work'))).toEqual([]);
});

function sleepers(): number {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8') === `sleep\0${nap}\0`;
    } catch {
      return false;
    }
  }).length;
}

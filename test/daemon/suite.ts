import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
/** What the Nix engine does with derivations, for any version of Nix. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Dialer } from '../../src/engine/daemon/dialer.ts';
import { type DaemonEngine, daemonEngine } from '../../src/engine/daemon/engine.ts';
import type { Goal, GoalSource } from '../../src/engine/types.ts';
import { narHash } from '../../src/nix/nar.ts';
import { sourcePath } from '../../src/nix/store-path.ts';
import { type BuildOptions, type GoalSpec, makeGoals as goalsOf, realise, textSource } from '../engine/helpers.ts';
import { type Launch, type TestDaemon, startDaemon } from './daemon.ts';

export function engineSuite(launch: Launch, lane: Goal['lane']): void {
  /** Store paths differ between the lanes, as they do in earnest. */
  const makeGoals = (specs: Readonly<Record<string, GoalSpec>>) =>
    goalsOf(Object.fromEntries(Object.entries(specs).map(([key, spec]) => [key, { ...spec, lane, env: { lane } }])));
  let daemon: TestDaemon;
  let engine: DaemonEngine;

  beforeAll(async () => {
    daemon = await startDaemon([], launch);
    engine = makeEngine();
  });
  afterAll(async () => {
    engine.close();
    await daemon.remove();
  });

  function makeEngine(name = 'state'): DaemonEngine {
    return daemonEngine({ dialer: new Dialer(daemon.address), stateDirectory: path.join(daemon.directory, name) });
  }

  function build(goals: ReadonlyMap<string, Goal>, options: BuildOptions & { engine?: DaemonEngine } = {}) {
    const source: GoalSource = { goals: () => goals, inspect: options.inspect ?? (() => Promise.resolve('accept')) };
    return realise(options.engine ?? engine, source, options);
  }

  function read(goals: ReadonlyMap<string, Goal>, key: string): string {
    return readFileSync(engine.hostPath(goals.get(key)?.sealed.outPath ?? ('' as never)), 'utf8');
  }

  test('a chain is built once, inputs first, and is valid afterwards', async () => {
    const goals = makeGoals({
      base: { script: 'echo one; echo base > $out' },
      middle: { script: 'cat $base > $out; echo middle >> $out', needs: { base: 'whole' } },
      top: { script: 'cat $middle > $out; echo two >&2', needs: { middle: 'early' } },
    });
    const first = await build(goals);
    expect([...first.outcomes.values()].map((outcome) => outcome.status)).toEqual(['built', 'built', 'built']);
    expect(read(goals, 'top')).toBe('base\nmiddle\n');
    expect(first.log('base')).toEqual(['one']);
    expect(first.log('top')).toEqual(['two']);
    expect(first.events.map((event) => `${event.key} ${event.type}`)).toEqual([
      'base started',
      'base line',
      'base ended',
      'middle started',
      'middle ended',
      'top started',
      'top line',
      'top ended',
    ]);
    const again = await build(goals);
    expect(again.events).toEqual([]);
    expect([...again.outcomes.values()].every((outcome) => outcome.status === 'valid')).toBe(true);
    const { drvPath, outPath } = goals.get('top')?.sealed ?? ({} as never);
    expect(await engine.log(drvPath)).toEqual(['two']);
    expect(daemon.nix('nix-store', '-q', '--deriver', outPath).trim()).toBe(drvPath);
  });

  test('sources of every kind come to the paths that were computed', async () => {
    const from = path.join(daemon.directory, 'sources');
    mkdirSync(path.join(from, 'deep'), { recursive: true });
    writeFileSync(path.join(from, 'deep/large'), Buffer.alloc(3_000_001, 7));
    writeFileSync(path.join(from, 'program'), '#!/bin/sh\necho ran\n', { mode: 0o755 });
    const files = new Map([
      ['program', path.join(from, 'program')],
      ['deep/large', path.join(from, 'deep/large')],
    ]);
    const hash = await narHash({
      type: 'directory',
      entries: [
        { name: 'program', node: regular(readFileSync(path.join(from, 'program')), true) },
        {
          name: 'deep',
          node: { type: 'directory', entries: [{ name: 'large', node: regular(Buffer.alloc(3_000_001, 7), false) }] },
        },
      ],
    });
    const tree = { kind: 'tree', path: sourcePath('tree', hash), files } as const;
    const text = textSource('text', 'some text\n');
    const goals = makeGoals({
      all: {
        script: `${tree.path}/program > $out; wc -c < ${tree.path}/deep/large >> $out; cat ${text.path} >> $out`,
        sources: [tree, text],
      },
    });
    const { outcomes } = await build(goals);
    expect(outcomes.get('all')?.status).toBe('built');
    expect(read(goals, 'all')).toBe('ran\n3000001\nsome text\n');
  });

  test('a source that changed after the plan fails its goal by name', async () => {
    const file = path.join(daemon.directory, 'changing');
    writeFileSync(file, 'later');
    const tree = { kind: 'tree', path: textSource('tree', 'x').path, files: new Map([['changing', file]]) } as const;
    const { outcomes } = await build(makeGoals({ one: { script: 'echo > $out', sources: [tree] } }));
    expect(outcomes.get('one')).toMatchObject({ status: 'failed', reason: { kind: 'input', code: 'D0304' } });
  });

  test('failures say how the builder ended, and what needs them does not start', async () => {
    const goals = makeGoals({
      bad: { script: 'echo wrong >&2; exit 3' },
      killed: { script: "sh -c 'kill -9 $$'" },
      waits: { script: 'echo > $out', needs: { bad: 'whole' } },
    });
    const { outcomes, log } = await build(goals, { keepGoing: true });
    expect(outcomes.get('bad')).toEqual({ status: 'failed', reason: { kind: 'exit', code: 3 } });
    expect(outcomes.get('killed')).toEqual({ status: 'failed', reason: { kind: 'exit', code: 137 } });
    expect(outcomes.get('waits')).toEqual({ status: 'dependency-failed', key: 'bad' });
    expect(log('bad')).toEqual(['wrong']);
  });

  test('independent goals are built at the same time', async () => {
    const script = 'echo here; sleep 1; echo > $out';
    const goals = makeGoals({ left: { script }, right: { script } });
    const { events } = await build(goals, { jobs: 2 });
    expect(events.slice(0, 4).map((event) => event.type)).not.toContain('ended');
  });

  test('each of many goals has its whole log before it ends', async () => {
    const specs: Record<string, GoalSpec> = {};
    for (let number = 0; number < 8; number++) {
      const after = number < 4 ? {} : { needs: { [`many${number - 4}`]: 'whole' } as const };
      const lines =
        'i=0; while [ $i -lt 300 ]; do echo "a line of some length, the number of which is $i"; i=$((i+1)); done';
      specs[`many${number}`] = { script: `${lines}; echo ${number} > $out`, ...after };
    }
    const goals = makeGoals(specs);
    const { events, log } = await build(goals, { jobs: 3 });
    for (const key of goals.keys()) {
      expect(log(key).length).toBe(300);
      const last = events.findLastIndex((event) => event.key === key);
      expect(events[last]?.type).toBe('ended');
      expect((await engine.log(goals.get(key)?.sealed.drvPath ?? ('' as never)))?.length).toBe(300);
    }
  });

  test('an output that is rejected stays rejected, although it is valid in the store', async () => {
    const goals = makeGoals({ judged: { script: 'echo judged > $out' } });
    const inspect = () => Promise.resolve({ reject: 'against the rules' } as const);
    for (let round = 0; round < 2; round++) {
      const { outcomes } = await build(goals, { inspect });
      expect(outcomes.get('judged')).toEqual({
        status: 'failed',
        reason: { kind: 'inspection', message: 'against the rules' },
      });
    }
    expect((await build(goals)).outcomes.get('judged')?.status).toBe('valid');
  });

  test('what is learned by a build is built anew, and only then what needs it', async () => {
    const plan = (lesson: string) =>
      makeGoals({
        teacher: { script: `echo ${lesson} > $out` },
        pupil: { script: 'cat $teacher > $out', needs: { teacher: 'whole' } },
      });
    let goals = plan('first');
    const source: GoalSource = {
      goals: () => goals,
      inspect(goal) {
        if (goal.key !== 'teacher' || goals !== before) return Promise.resolve('accept');
        goals = plan('second');
        return Promise.resolve('replanned');
      },
    };
    const before = goals;
    const { outcomes, events } = await realise(engine, source);
    expect(outcomes.get('pupil')?.status).toBe('built');
    expect(read(goals, 'pupil')).toBe('second\n');
    expect(events.filter((event) => event.type === 'started').map((event) => event.key)).toEqual([
      'teacher',
      'teacher',
      'pupil',
    ]);
  });

  test('what a substituter has of the pure lane is not built, and of the dev lane it is', async () => {
    const cache = path.join(daemon.directory, 'cache');
    const key = path.join(daemon.directory, 'cache.key');
    const named = spawnSync('nix-store', ['--generate-binary-cache-key', 'test-1', key, `${key}.public`]);
    expect(named.status, String(named.stderr)).toBe(0);
    // The same script never makes the same output.
    const random = 'cat /proc/sys/kernel/random/uuid > $out';
    const own = lane === 'pure' ? {} : { allowSubstitutes: '', preferLocalBuild: '1' };
    const goals = goalsOf({
      rare: { script: random, lane, env: { lane, ...own } },
      rarer: { script: `cat $rare > $out; ${random}`, needs: { rare: 'whole' }, lane, env: { lane, ...own } },
    });
    const paths = [...goals.values()].map(({ sealed }) => sealed.outPath);
    await build(goals);
    daemon.nix('nix', 'copy', '--to', `file://${cache}?secret-key=${key}`, ...paths);
    const trusted = `trusted-public-keys = ${readFileSync(`${key}.public`, 'utf8')}`;
    const other = await startDaemon([`substituters = file://${cache}`, trusted], launch);
    const client = daemonEngine({
      dialer: new Dialer(other.address),
      stateDirectory: path.join(other.directory, 'state'),
    });
    try {
      const { outcomes } = await build(goals, { engine: client });
      expect([...outcomes.values()].map(({ status }) => status)).not.toContain('failed');
      const there = paths.map((one) => readFileSync(client.hostPath(one), 'utf8'));
      const here = paths.map((one) => readFileSync(engine.hostPath(one), 'utf8'));
      if (lane === 'pure') expect(there).toEqual(here);
      else expect(there.filter((text) => here.includes(text))).toEqual([]);
    } finally {
      client.close();
      await other.remove();
    }
  });

  test('cancelling stops the builders', async () => {
    const seconds = `${100_000 + process.pid}`;
    const goals = makeGoals({ endless: { script: `echo running; sleep ${seconds}; echo > $out` } });
    const abort = new AbortController();
    const { outcomes } = await build(goals, {
      signal: abort.signal,
      onEvent: (event) => event.type === 'line' && abort.abort(),
    });
    expect(outcomes.get('endless')).toEqual({ status: 'cancelled' });
    await expect.poll(() => isRunning(['sleep', seconds]), { timeout: 10_000 }).toBe(false);
    const quick = await build(makeGoals({ next: { script: 'echo > $out' } }));
    expect(quick.outcomes.get('next')?.status).toBe('built');
  });

  test('two builds at once build a shared goal once, and both have it', async () => {
    const goals = makeGoals({ shared: { script: 'echo building; sleep 1; echo shared > $out' } });
    const other = makeEngine('other');
    const both = await Promise.all([build(goals), build(goals, { engine: other })]);
    expect(
      both.map(({ outcomes }) => outcomes.get('shared')?.status ?? '').toSorted((a, b) => (a < b ? -1 : 1)),
    ).toEqual(['built', 'valid']);
    other.close();
  });
}

function regular(contents: Uint8Array, executable: boolean) {
  return { type: 'regular', executable, size: contents.length, contents } as const;
}

/** Whether a process of this machine has this command line. */
function isRunning(command: readonly string[]): boolean {
  const wanted = command.map((word) => `${word}\0`).join('');
  return readdirSync('/proc').some((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8') === wanted;
    } catch {
      return false;
    }
  });
}

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openJobserver } from '../../src/engine/jobserver.ts';
import { makeSlots } from '../../src/engine/slots.ts';
import type { Goal, GoalKey } from '../../src/engine/types.ts';
import { type Build, type Lab, makeGoals, makeLab, realise } from './helpers.ts';

let lab: Lab;
beforeEach(async () => {
  lab = await makeLab();
});
afterEach(() => lab.close());

/** What rustc says when the metadata file is complete. */
const announce = `printf '%s\\n' '{"$message_type":"artifact","artifact":"/build/out/lib.rmeta","emit":"metadata"}'`;

const statuses = (build: Build) =>
  Object.fromEntries([...build.outcomes].map(([key, { status }]) => [key, status as string]));
const order = (build: Build) =>
  build.events.flatMap((event) => (event.type === 'line' ? [] : [`${event.key} ${event.type}`]));
const outFile = (goals: ReadonlyMap<GoalKey, Goal>, key: GoalKey, file: string) =>
  `${lab.engine.hostPath(goals.get(key)!.sealed.outPath)}/${file}`;

test('a derivation and one that needs it are built, and are valid afterwards', async () => {
  const goals = makeGoals({
    first: { script: 'echo hello > $out/text; echo a line; printf "no end" >&2' },
    second: { script: 'cp $first/text $out/copy', needs: { first: 'whole' } },
  });
  const build = await lab.build(goals);
  expect(statuses(build)).toEqual({ first: 'built', second: 'built' });
  expect(readFileSync(outFile(goals, 'second', 'copy'), 'utf8')).toBe('hello\n');
  expect(build.log('first').toSorted()).toEqual(['a line', 'no end']);
  expect(await lab.engine.log(goals.get('first')!.sealed.drvPath)).toHaveLength(2);

  const again = await lab.build(goals);
  expect([...again.outcomes.values()]).toEqual([{ status: 'valid' }, { status: 'valid' }]);
  expect(again.events).toEqual([]);
});

test('what only valid goals need is not built again', async () => {
  const goals = makeGoals({ first: { script: 'exit 1' }, second: { script: ':' } });
  const needing = makeGoals({ second: { script: ':' } });
  await lab.build(needing);
  const linked = new Map<GoalKey, Goal>([
    ['first', goals.get('first')!],
    ['second', { ...needing.get('second')!, needs: [{ key: 'first', stage: 'whole' }] }],
  ]);
  const build = await lab.build(linked);
  expect(statuses(build)).toEqual({ second: 'valid' });
  expect(build.events).toEqual([]);
});

test('a dependent that needs the early file alone starts before the rest is built, and sees that file only', async () => {
  const goals = makeGoals({
    lib: {
      script: `echo meta > $out/lib.rmeta; echo other > $out/other; ${announce}; sleep 0.5; echo rlib > $out/lib.rlib`,
      early: 'lib.rmeta',
    },
    dependent: { script: 'ls $lib; cat $lib/lib.rmeta', needs: { lib: 'early' } },
    linked: { script: 'ls $lib', needs: { lib: 'whole', dependent: 'whole' } },
  });
  const build = await lab.build(goals);
  expect(statuses(build)).toEqual({ lib: 'built', dependent: 'built', linked: 'built' });
  expect(order(build).slice(0, 4)).toEqual(['lib started', 'lib early', 'dependent started', 'lib ended']);
  expect(build.log('dependent')).toEqual(['lib.rmeta', 'meta']);
  expect(build.log('linked')).toEqual(['lib.rlib', 'lib.rmeta', 'other']);
});

test('dependents that started on a library are killed and dropped when it fails', async () => {
  const goals = makeGoals({
    lib: { script: `echo meta > $out/lib.rmeta; ${announce}; sleep 0.5; exit 3`, early: 'lib.rmeta' },
    quick: { script: ':', needs: { lib: 'early' } },
    slow: { script: 'sleep 60', needs: { lib: 'early' } },
    last: { script: ':', needs: { slow: 'whole', quick: 'whole' } },
  });
  const begun = performance.now();
  const build = await lab.build(goals, { jobs: 4, keepGoing: true });
  expect(performance.now() - begun).toBeLessThan(20_000);
  expect(build.outcomes.get('lib')).toEqual({ status: 'failed', reason: { kind: 'exit', code: 3 } });
  expect(build.outcomes.get('slow')).toEqual({ status: 'dependency-failed', key: 'lib' });
  expect(build.outcomes.get('quick')).toEqual({ status: 'dependency-failed', key: 'lib' });
  expect(statuses(build)['last']).toBe('dependency-failed');
  const paths = [...goals.values()].map((goal) => goal.sealed.outPath);
  expect([...(await lab.engine.valid(paths))]).toEqual([]);
});

test('after a failure nothing new is started, unless one keeps going', async () => {
  const specs = {
    bad: { script: 'exit 1', weight: 9 },
    good: { script: 'sleep 0.2', weight: 1 },
    needing: { script: ':', needs: { bad: 'whole' } },
  } as const;
  const stopped = await lab.build(makeGoals(specs), { jobs: 1 });
  expect(statuses(stopped)).toEqual({ bad: 'failed', good: 'cancelled', needing: 'dependency-failed' });
  const kept = await lab.build(makeGoals(specs), { jobs: 1, keepGoing: true });
  expect(statuses(kept)).toEqual({ bad: 'failed', good: 'built', needing: 'dependency-failed' });
});

test('the longest way to a root goes first', async () => {
  const goals = makeGoals({
    short: { script: ':', weight: 5 },
    long1: { script: ':', weight: 2 },
    long2: { script: ':', weight: 9, needs: { long1: 'whole' } },
  });
  const build = await lab.build(goals, { jobs: 1 });
  expect(order(build).filter((line) => line.endsWith('started'))).toEqual([
    'long1 started',
    'long2 started',
    'short started',
  ]);
});

test('a token that the first runner had is there for compilers when another one goes on alone', async () => {
  const directory = path.join(lab.directory, 'fifo');
  const jobserver = await openJobserver(directory, 2);
  const slots = makeSlots(2, jobserver);
  const { signal } = new AbortController();
  const first = await slots.acquire(1, signal);
  const second = await slots.acquire(1, signal);
  expect(jobserver.take()).toBe(false);
  first.release();
  expect(jobserver.take()).toBe(true);
  jobserver.give();
  const third = await slots.acquire(1, signal);
  for (const slot of [second, third]) slot.release();
  jobserver.close();
});

test('-j holds: builders and the tokens that they take are never more than jobs', async () => {
  const take = 'dd if=$DRYDOCK_JOBSERVER of=/build/token bs=1 count=1 iflag=nonblock 2>/dev/null || :';
  const script = `${take}; echo take $(wc -c < /build/token); sleep 0.1; echo give; cat /build/token > $DRYDOCK_JOBSERVER`;
  const specs = Object.fromEntries(
    [1, 2, 3, 4, 5, 6].map((number) => [`unit${number}`, { script: `${script} # ${number}` }]),
  );
  let used = 0;
  let most = 0;
  const held = new Map<GoalKey, number>();
  const build = await lab.build(makeGoals(specs), {
    jobs: 3,
    onEvent: (event) => {
      if (event.type === 'started') used++;
      if (event.type === 'ended') used--;
      if (event.type !== 'line') return;
      const taken = /^take (\d)$/.exec(event.line)?.[1];
      if (taken !== undefined) held.set(event.key, Number(taken));
      used += taken === undefined ? -(held.get(event.key) ?? 0) : Number(taken);
      most = Math.max(most, used);
    },
  });
  expect(new Set(Object.values(statuses(build)))).toEqual(new Set(['built']));
  expect(most).toBe(3);
});

test('tokens that killed builders took with them come back when nothing runs', async () => {
  const jobserver = await openJobserver(path.join(lab.directory, 'fifo'), 3);
  const slots = makeSlots(3, jobserver);
  const signal = new AbortController().signal;
  const first = await slots.acquire(1, signal);
  expect(jobserver.take() && jobserver.take()).toBe(true);
  const waiting = slots.acquire(1, signal);
  await sleep(20);
  expect(slots.running()).toBe(1);
  first.release();
  (await waiting).release();
  const all = await Promise.all([1, 2, 3].map((urgency) => slots.acquire(urgency, signal)));
  expect(slots.running()).toBe(3);
  expect(jobserver.take()).toBe(false);
  for (const slot of all) slot.release();
  jobserver.close();
});

/** Nobody else's: other runs of these tests may be under way. */
const nap = `6${process.pid}.25`;

test('an abort kills what runs, waits for it and leaves nothing', async () => {
  const abort = new AbortController();
  const goals = makeGoals({
    slow: { script: `sleep ${nap} & sleep ${nap}` },
    after: { script: ':', needs: { slow: 'whole' } },
  });
  const build = await lab.build(goals, {
    signal: abort.signal,
    onEvent: (event) => {
      if (event.type === 'started') setTimeout(() => abort.abort(new Error('stop')), 100);
    },
  });
  expect(statuses(build)).toEqual({ slow: 'cancelled', after: 'cancelled' });
  expect(processesWith(nap)).toEqual([]);
});

/** Ids of living processes that have `text` among their arguments. */
function processesWith(text: string): readonly string[] {
  return readdirNumbers('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(text);
    } catch {
      return false;
    }
  });
}

function readdirNumbers(directory: string): readonly string[] {
  return readdirSync(directory).filter((name) => /^\d+$/.test(name));
}

test('a goal that is planned anew is built from its new derivation, and so are those that wait for it', async () => {
  const before = makeGoals({
    other: { script: 'echo other' },
    run: { script: 'exit 7' },
    needing: { script: 'cat $run/text', needs: { run: 'whole' } },
  });
  const after = makeGoals({
    other: { script: 'echo other' },
    run: { script: 'echo learned > $out/text' },
    needing: { script: 'cat $run/text', needs: { run: 'whole' } },
  });
  let goals = before;
  const build = await realise(lab.engine, {
    goals: () => goals,
    inspect: (_goal, exit) => {
      if (exit.code !== 7) return Promise.resolve('accept');
      goals = after;
      return Promise.resolve('replanned');
    },
  });
  expect(statuses(build)).toEqual({ other: 'built', run: 'built', needing: 'built' });
  expect(build.log('needing')).toEqual(['learned']);
  expect(order(build).filter((line) => line === 'other started')).toHaveLength(1);
  expect(order(build).filter((line) => line === 'run started')).toHaveLength(2);
});

test('a dependent that started on the early file of what is planned anew is built again', async () => {
  const plan = (text: string) =>
    makeGoals({
      lib: {
        script: `echo ${text} > $out/lib.rmeta; ${announce}; sleep 0.4; [ ${text} = new ] || exit 7`,
        early: 'lib.rmeta',
      },
      dependent: { script: 'cat $lib/lib.rmeta; sleep 0.1; cp $lib/lib.rmeta $out/', needs: { lib: 'early' } },
    });
  let goals = plan('old');
  const build = await realise(lab.engine, {
    goals: () => goals,
    inspect: (_goal, exit) => {
      if (exit.code !== 7) return Promise.resolve('accept');
      goals = plan('new');
      return Promise.resolve('replanned');
    },
  });
  expect(statuses(build)).toEqual({ lib: 'built', dependent: 'built' });
  expect(readFileSync(outFile(goals, 'dependent', 'lib.rmeta'), 'utf8')).toBe('new\n');
});

test('what the planner rejects fails and is not valid', async () => {
  const goals = makeGoals({ one: { script: ':' } });
  const build = await lab.build(goals, { inspect: () => Promise.resolve({ reject: 'not like this' }) });
  expect(build.outcomes.get('one')).toEqual({
    status: 'failed',
    reason: { kind: 'inspection', message: 'not like this' },
  });
  expect((await lab.engine.valid([goals.get('one')!.sealed.outPath])).size).toBe(0);
});

test('a builder that is killed from outside has failed', async () => {
  const goals = makeGoals({ one: { script: 'kill -9 $$' } });
  const build = await lab.build(goals);
  expect(build.outcomes.get('one')).toEqual({ status: 'failed', reason: { kind: 'exit', code: 137 } });
});

test('two engines at once build a shared goal once', async () => {
  const goals = makeGoals({
    shared: { script: 'sleep 0.3; date +%N > $out/time' },
    mine: { script: ':', needs: { shared: 'whole' } },
  });
  const other = await makeLab(lab.directory);
  try {
    const { embeddedEngine } = await import('../../src/engine/embedded/engine.ts');
    const { openStore } = await import('../../src/store/store.ts');
    const second = await openStore(lab.store.root);
    const accept = { goals: () => goals, inspect: () => Promise.resolve('accept' as const) };
    const builds = await Promise.all([realise(lab.engine, accept), realise(embeddedEngine(second), accept)]);
    await second.close();
    const ends = builds.map((build) => statuses(build)['shared'] ?? '').toSorted((a, b) => a.localeCompare(b));
    expect(ends).toEqual(['built', 'valid']);
    const started = builds.flatMap(order).filter((line) => line === 'shared started');
    expect(started).toHaveLength(1);
  } finally {
    await other.close();
  }
  await sleep(0);
  expect(existsSync(outFile(goals, 'shared', 'time'))).toBe(true);
});

/**
 * Builds of which something is killed at a random moment: drydock itself, a sandbox, a compiler, a linker, a build script.
 * The next build must be as good as plain cargo's, and nothing may be left over. The seed decides what is changed and what
 * is killed, the machine which moment that is: `DRYDOCK_RANDOM_SEED`, `DRYDOCK_RANDOM_STEPS`.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Place, type Project, until } from '../e2e/support.ts';
import { lay, observe } from './observed.ts';
import { Chance, changes, filesOf, first } from './random-tree.ts';

const seed = Number(process.env['DRYDOCK_RANDOM_SEED'] ?? 20261126);
const steps = Number(process.env['DRYDOCK_RANDOM_STEPS'] ?? 100);
const place = new Place('killed');

/** Who is killed: those whose program or first argument has such a name. */
const victims = {
  drydock: null,
  bwrap: /\/bwrap$/,
  rustc: /\/rustc$/,
  linker: /\/(?:cc|collect2|ld|rust-lld)$/,
  script: /\/build[-_]script[-_]build[^/]*$|\/unit\.sh$/,
} as const;
type Victim = keyof typeof victims;

interface Process {
  readonly pid: number;
  readonly words: readonly string[];
}

test(`${steps} kills from seed ${seed}`, { timeout: 3 * 3_600_000 }, async () => {
  const chance = new Chance(seed);
  const [ours, theirs] = [place.project('ours', {}), place.project('theirs', {})];
  const tree = structuredClone(first);
  const killed: Record<Victim, number> = { drydock: 0, bwrap: 0, rustc: 0, linker: 0, script: 0 };
  const history: string[] = [];
  // A dependency of a registry would have to be downloaded.
  const names = Object.keys(changes).filter((name) => name !== 'break it' && name !== 'another dependency');
  for (let step = 0; step < steps; step++) {
    const done = [chance.one(names), chance.one(names)];
    for (const name of done) changes[name]?.(tree, chance);
    for (const project of [ours, theirs]) lay(project, filesOf(tree));
    const profile = chance.one([[], [], ['--profile', 'fast']]);
    const args = ['--workspace', ...chance.one([[], ['--all-targets']]), ...profile];
    if (chance.below(8) === 0) fs.rmSync(ours.at('target'), { recursive: true, force: true });
    const victim = chance.one(Object.keys(victims) as Victim[]);
    const hit = await buildAndKill(ours, args, victim, chance.below(400));
    if (hit) killed[victim]++;
    history.push(`${step}: ${done.join(', ')}; build ${args.join(' ')}; ${victim} ${hit ? 'killed' : 'missed'}`);
    const expected = await observe(theirs, 'cargo', args, {});
    expect(expected.code, history.at(-1)).toBe(0);
    expect(await observe(ours, 'drydock', args, {}), history.slice(-12).join('\n')).toEqual(expected);
    expect(leftovers(ours), history.slice(-12).join('\n')).toEqual([]);
  }
  const verified = await ours.drydock(['store', 'verify']);
  expect(verified.code, verified.stdout + verified.stderr).toBe(0);
  process.stdout.write(`${JSON.stringify(killed)}\n`);
  for (const [name, count] of Object.entries(killed)) expect(count, name).toBeGreaterThan(0);
});

/** False: the build was over before there was anybody to kill. */
async function buildAndKill(
  project: Project,
  args: readonly string[],
  victim: Victim,
  delay: number,
): Promise<boolean> {
  const running = project.start(['build', '--offline', ...args]);
  const { pid } = running.child;
  if (pid === undefined) throw new Error('drydock was not started');
  const isOver = () => running.child.exitCode !== null || running.child.signalCode !== null;
  await sleep(delay);
  let hit = false;
  let family: readonly Process[] = [];
  while (!isOver() && !hit) {
    family = [...below(pid)];
    const pattern = victims[victim];
    const found =
      pattern === null ? pid : family.find(({ words }) => words.slice(0, 2).some((word) => pattern.test(word)))?.pid;
    hit = found !== undefined && !isOver() && kill(found);
    if (!hit) await sleep(1);
  }
  const ended = await running.ended;
  if (victim === 'drydock' && hit) {
    // Whoever it has started ends with it.
    const alive = () =>
      family.filter(({ pid, words }) => words.length > 1 && wordsOf(pid).join(' ') === words.join(' '));
    await until(() => alive().length === 0);
    expect(alive(), 'processes outlive drydock').toEqual([]);
  } else {
    // Killed in its last moment it may have done its work.
    expect([0, 101], ended.stderr).toContain(ended.code);
    expect([...below(pid)], 'processes outlive the build').toEqual([]);
  }
  return hit;
}

function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

/** What lies where nothing may lie between two builds: files that have no name yet, sandboxes, outputs in rustc's state. */
function leftovers(project: Project): readonly string[] {
  const dead = fs.readdirSync(path.join(place.store, 'nix/var/drydock/work'));
  const inTarget = fs.readdirSync(project.at('target'), { recursive: true, encoding: 'utf8' });
  const odd = inTarget.filter((name) => /(?:^|\/)(?:\.out|\.drydock-aside-[0-9a-f]+)$/.test(name));
  return [...dead.map((name) => `work/${name}`), ...odd];
}

/** Processes that descend from this one. */
function* below(pid: number): Generator<Process> {
  let children: readonly string[] = [];
  try {
    const tasks = fs.readdirSync(`/proc/${pid}/task`);
    children = tasks.flatMap((task) => fs.readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' '));
  } catch {
    return;
  }
  for (const child of children.filter((name) => name !== '').map(Number)) {
    yield { pid: child, words: wordsOf(child) };
    yield* below(child);
  }
}

function wordsOf(pid: number): readonly string[] {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

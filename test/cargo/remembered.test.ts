/** cargo is asked again when, and only when, something has changed that its answer rests on. */
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { onPath } from '../../src/cargo/programs.ts';
import { makeProject, manifest, type Project } from './project.ts';

/** A cargo that counts how often it is asked for a graph. */
function counting(project: Project) {
  const program = path.join(project.root, '../cargo');
  const log = `${program}.log`;
  const real = onPath('cargo', project.environment) ?? '';
  writeFileSync(program, `#!/bin/sh\ncase $* in *--unit-graph*) echo asked >>'${log}';; esac\nexec '${real}' "$@"\n`);
  chmodSync(program, 0o755);
  const asked = () => (existsSync(log) ? readFileSync(log, 'utf8').split('\n').length - 1 : 0);
  return async (argv: readonly string[], environment: Readonly<Record<string, string>> = {}) => {
    // What was written a moment ago may be written once more within the same tick of the clock: such an answer is not kept.
    await sleep(40);
    const before = asked();
    const workspace = await project.workspace(['drydock', ...argv], { CARGO: program, ...environment });
    return { asked: asked() - before, targets: workspace.graph.units.map(({ target }) => target.name).sort() };
  };
}

test('cargo is asked once while nothing changes but sources', async () => {
  const project = makeProject({
    'Cargo.toml': manifest('one', '[features]\nf = []\n'),
    'src/main.rs': 'fn main() {}\n',
  });
  const read = counting(project);
  await read(['build']);
  // The first question has written Cargo.lock.
  expect((await read(['build'])).asked).toBe(1);
  expect((await read(['build'])).asked).toBe(0);
  project.write({ 'src/main.rs': 'fn main() { println!(); }\n', 'notes.txt': '' });
  expect(await read(['build'])).toEqual({ asked: 0, targets: ['one'] });
  expect((await read(['build'], { UNRELATED: '1' })).asked).toBe(0);

  expect((await read(['build', '--features=f'])).asked).toBe(1);
  expect((await read(['build'], { CARGO_PROFILE_DEV_DEBUG: '0' })).asked).toBe(1);
});

test.each<[string, (project: Project) => void, string[]]>([
  ['a target appears', (project) => project.write({ 'src/bin/two.rs': 'fn main() {}\n' }), ['one', 'two']],
  ['a library appears', (project) => project.write({ 'src/lib.rs': '' }), ['one', 'one']],
  ['the manifest changes', (project) => project.write({ 'Cargo.toml': manifest('other') }), ['other']],
  ['a configuration appears', (project) => project.write({ '.cargo/config.toml': '[build]\njobs = 1\n' }), ['one']],
  ['the lock file is gone', (project) => rmSync(path.join(project.root, 'Cargo.lock')), ['one']],
])('%s: cargo is asked again', async (_, change, targets) => {
  const project = makeProject({ 'Cargo.toml': manifest('one'), 'src/main.rs': 'fn main() {}\n' });
  const read = counting(project);
  for (let times = 0; times < 2; times++) await read(['build']);
  expect((await read(['build'])).asked).toBe(0);
  change(project);
  expect(await read(['build'])).toEqual({ asked: 1, targets });
});

test('words for the program that runs, and names of tests, are no part of the question', async () => {
  const project = makeProject({ 'Cargo.toml': manifest('one'), 'src/main.rs': 'fn main() {}\n' });
  const read = counting(project);
  for (const call of [['run'], ['test', 'x']]) for (let times = 0; times < 2; times++) await read(call);
  const calls = [
    ['run', 'a', '--release'],
    ['run', '--', 'b'],
    ['test', 'c'],
    ['test', 'c', '--', '--nocapture'],
  ];
  for (const call of calls) expect((await read(call)).asked).toBe(0);
  expect((await read(['test', 'c', '--release'])).asked).toBe(1);
  // Without a name, examples and tests in documentation belong to it.
  expect((await read(['test'])).asked).toBe(1);
});

test('what cargo has to say is said each time', async () => {
  const project = makeProject({ 'Cargo.toml': manifest('one', 'strange = 1\n'), 'src/main.rs': 'fn main() {}\n' });
  await project.read(['build']);
  for (let times = 0; times < 3; times++) {
    await sleep(40);
    expect((await project.read(['build'])).stderr).toContain('unused manifest key: package.strange');
  }
});

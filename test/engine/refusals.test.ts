/** Machines on which there is no sandbox, and the switch that turns it off. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { explainRefusal, findBwrap } from '../../src/engine/embedded/bwrap.ts';
import { embeddedEngine } from '../../src/engine/embedded/engine.ts';
import { seccompProgram } from '../../src/engine/embedded/seccomp.ts';
import { type Lab, makeGoals, makeLab, realise, textSource } from './helpers.ts';

let lab: Lab;
beforeEach(async () => {
  lab = await makeLab();
});
afterEach(() => lab.close());

test('without bubblewrap there is an error that says what to install', () => {
  expect(() => findBwrap('/nonexistent', [])).toThrow(expect.objectContaining({ code: 'D0301' }));
});

test.each([
  'No permissions to create new namespace, likely because the kernel does not allow non-privileged user namespaces.',
  'Creating new namespace failed: Operation not permitted',
  'setting up uid map: Permission denied',
  'loopback: Failed RTM_NEWADDR: Operation not permitted',
])('a refusal to make namespaces is recognised: %s', (message) => {
  expect(explainRefusal(message)?.code).toMatch(/^D030[23]$/);
});

test('other failures of bubblewrap are those of one builder', () => {
  expect(explainRefusal('execvp /none: No such file or directory')).toBeNull();
});

test('a builder that does not exist fails its goal, with bubblewrap’s words in the log', async () => {
  const build = await lab.build(makeGoals({ one: { command: ['/none'] } }));
  expect(build.outcomes.get('one')).toMatchObject({ status: 'failed' });
  expect(build.log('one').join('\n')).toContain('/none');
});

test('there is a filter for each machine that is supported', () => {
  for (const machine of ['x64', 'arm64']) expect((seccompProgram(machine)?.length ?? 0) % 8).toBe(0);
  expect(seccompProgram('riscv64')).toBeNull();
});

test('with the sandbox off, builders have the same places and see the host; a line says so', async () => {
  const warnings: string[] = [];
  const engine = embeddedEngine(lab.store, {
    environment: { ...process.env, DRYDOCK_SANDBOX: 'off' },
    warn: (message) => warnings.push(message),
  });
  const text = textSource('hello', 'hello\n');
  const goals = makeGoals({
    one: {
      script: 'pwd; cat $hello; ls /nix/store | wc -l; [ -e /proc/$host ] && echo sees the host; echo x > $out/file',
      sources: [text],
      env: { hello: text.path, host: String(process.pid) },
    },
  });
  const build = await realise(engine, { goals: () => goals, inspect: () => Promise.resolve('accept') });
  expect(build.outcomes.get('one'), build.log('one').join('\n')).toMatchObject({ status: 'built' });
  expect(build.log('one')).toEqual(['/build', 'hello', '2', 'sees the host']);
  expect(warnings.join('\n')).toContain('DRYDOCK_SANDBOX=off');
});

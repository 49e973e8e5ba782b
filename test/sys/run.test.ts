import { expect, test } from 'vitest';
import { run } from '../../src/sys/run.ts';

test('collects output and tells the exit code', async () => {
  const result = await run('/bin/sh', ['-c', 'cat; echo err >&2; exit 3'], { input: 'in' });
  expect(result.stdout.toString()).toBe('in');
  expect(result.stderr.toString()).toBe('err\n');
  expect(result).toMatchObject({ code: 3, signal: null, startError: null });
});

test('a missing program is a value', async () => {
  const result = await run('/no/such/program', []);
  expect(result.code).toBeNull();
  expect(result.startError?.code).toBe('ENOENT');
});

test('abort ends the child, also when it came before the start', async () => {
  const stop = new AbortController();
  const running = run('/bin/sleep', ['60'], { signal: stop.signal });
  stop.abort();
  expect(await running).toMatchObject({ code: null, signal: 'SIGTERM' });
  expect(await run('/bin/sleep', ['60'], { signal: AbortSignal.abort() })).toMatchObject({ signal: 'SIGTERM' });
});

test('streams to a function; input that nobody reads is no error', async () => {
  let seen = '';
  const result = await run('/bin/echo', ['a'], {
    input: 'x'.repeat(1 << 20),
    stdout: (chunk) => {
      seen += chunk.toString();
    },
  });
  expect(result.code).toBe(0);
  expect(result.stdout.length).toBe(0);
  expect(seen).toBe('a\n');
});

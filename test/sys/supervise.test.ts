/** Programs as the engine starts them. */
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { keepInheritedFiles } from '../../src/sys/descriptors.ts';
import { supervise } from '../../src/sys/supervise.ts';

async function run(
  script: string,
  more: { env?: Record<string, string>; files?: string[]; signal?: AbortSignal } = {},
) {
  const lines: string[] = [];
  const end = await supervise({
    program: '/bin/sh',
    args: ['-c', script, 'zero', "it's", 'ä b'],
    env: { PATH: '/usr/bin:/bin', ...more.env },
    files: more.files ?? [],
    onLine: (line) => lines.push(line),
    signal: more.signal ?? new AbortController().signal,
  });
  return { ...end, lines };
}

test('arguments, environment, both streams in one, a last line without its end, the exit code', async () => {
  const script = 'printf "%s\\n" "$@"; echo err >&2; printf "%s\\n" "$A"; env | wc -l; printf end; exit 7';
  expect(await run(script, { env: { A: 'x=ü' } })).toEqual({
    code: 7,
    signal: null,
    lines: ["it's", 'ä b', 'err', 'x=ü', '3', 'end'],
  });
});

test('files are there from 3 on, read from their beginning; nothing else is open, nothing can be read from 0', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'drydock-supervise-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const files = ['one', 'two'].map((text) => {
    writeFileSync(path.join(directory, text), text);
    return path.join(directory, text);
  });
  openSync(files[0] ?? '', 'r');
  await keepInheritedFiles();
  const { lines } = await run('cat; cat <&3; echo; cat <&4; echo; ls /proc/self/fd', { files });
  expect(lines).toEqual(['one', 'two', '0', '1', '2', '3', '4', '5']);
});

test('a signal that ended it, one that Node itself ignores among them', async () => {
  expect(await run('kill -TERM $$')).toMatchObject({ code: null, signal: 'SIGTERM' });
  expect(await run('kill -PIPE $$')).toMatchObject({ code: null, signal: 'SIGPIPE' });
});

test('aborting kills it and its children; what was written before arrives', async () => {
  const abort = new AbortController();
  const lines: string[] = [];
  const ended = supervise({
    program: '/bin/sh',
    args: ['-c', 'echo here; sleep 100 & sleep 100'],
    env: { PATH: '/usr/bin:/bin' },
    files: [],
    onLine: (line) => {
      lines.push(line);
      abort.abort();
    },
    signal: abort.signal,
  });
  expect(await ended).toEqual({ code: null, signal: 'SIGKILL' });
  expect(lines).toEqual(['here']);
  expect(await run('echo never', { signal: AbortSignal.abort() })).toMatchObject({ code: null, signal: 'SIGKILL' });
});

test('it waits for whoever holds the output, and a program that lives on without one', async () => {
  expect((await run('(sleep 0.3; echo late) & exit 0')).lines).toEqual(['late']);
  const begun = performance.now();
  expect(await run('exec >&- 2>&-; sleep 0.3; exit 3')).toEqual({ code: 3, signal: null, lines: [] });
  expect(performance.now() - begun).toBeGreaterThan(250);
});

test('a program that is not there is a system error', async () => {
  const request = { program: '/nowhere/bwrap', args: [], env: {}, files: [], onLine: () => {} };
  const started = supervise({ ...request, signal: new AbortController().signal });
  await expect(started).rejects.toMatchObject({ code: 'ENOENT' });
});

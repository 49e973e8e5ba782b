import { expect, test } from 'vitest';
import { directoryOf } from '../../src/cli/mount-directory.ts';

const host = { cwd: '/nowhere/project', environment: { HOME: '/home/dev' } };

function directories(id: string, given: Readonly<Record<string, string>> = {}) {
  return directoryOf(id, new Map(Object.entries(given)), host);
}

test('no directory of a mount lies in that of another', () => {
  const cache = '/home/dev/.cache/drydock/mounts';
  expect(directories('ccache')).toEqual({ directory: `${cache}/ccache`, transactional: false });
  expect(directories('hello/objects').directory).toBe(`${cache}/hello,objects`);
  // Not the directory of all states.
  expect(directories('incremental')).toEqual({ directory: `${cache}/incremental`, transactional: false });
  const state = '/nowhere/project/target/debug/incremental';
  expect(directories('incremental/one-1')).toEqual({ directory: `${state}/one-1`, transactional: true });
  expect(directories('incremental/one-1/inner').directory).toBe(`${state}/one-1,inner`);
});

test('a directory that is given stands for its id, and for longer ones', () => {
  const given = { hello: '/one', 'hello/objects': '/two', incremental: 'target/release/incremental' };
  expect(directories('hello', given).directory).toBe('/one');
  expect(directories('hello/objects', given).directory).toBe('/two');
  expect(directories('hello/objects/c/x', given).directory).toBe('/two/c,x');
  expect(directories('hello/other', given).directory).toBe('/one/other');
  expect(directories('incremental/one-1', given)).toEqual({
    directory: 'target/release/incremental/one-1',
    transactional: true,
  });
});

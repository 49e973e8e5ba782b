import { expect, test } from 'vitest';
import { hasOption, optionValues, parseInvocation, programArguments } from '../../src/cargo/invocation.ts';

const parse = (line: string) => parseInvocation(line.split(' ').filter(Boolean), '/ws');

test('what cargo passes to a subcommand is recognised', () => {
  expect(parse('drydock +nightly b --release')).toMatchObject({
    cargoSubcommand: true,
    toolchain: 'nightly',
    verb: 'build',
    cargoArguments: ['--release'],
  });
  expect(parse('build')).toMatchObject({
    cargoSubcommand: false,
    toolchain: null,
    verb: 'build',
    messageFormat: 'human',
  });
});

test("drydock's own flags go, in both forms and in any place; all others stay as they are", () => {
  const invocation = parse('--pure build --store /s -p x --engine=nix --unknown --features a,b');
  expect(invocation).toMatchObject({ pure: true, store: '/s', engine: 'nix', verb: 'build', globalArguments: [] });
  expect(invocation.cargoArguments).toEqual(['-p', 'x', '--unknown', '--features', 'a,b']);
});

test('what follows -- belongs to another program', () => {
  const invocation = parse('run --pure -- --pure -v');
  expect(invocation).toMatchObject({ pure: true, verbosity: 0, cargoArguments: ['--', '--pure', '-v'] });
  expect(parse('run one -v').verbosity).toBe(0);
  expect(parse('test one -v').verbosity).toBe(1);
});

test('global flags before the verb count as well', () => {
  const invocation = parse('-v --color never --config a=1 build -v -q --color always --config b=2');
  expect(invocation).toMatchObject({ verb: 'build', verbosity: 2, quiet: true, color: 'always' });
  expect(invocation.globalArguments).toEqual(['-v', '--color', 'never', '--config', 'a=1']);
  expect(optionValues(invocation, '--config')).toEqual(['a=1', 'b=2']);
});

test.each([
  ['build -vvj4', { verbosity: 2, jobs: '4' }],
  ['build -j=4', { jobs: '4' }],
  ['build -j 4 --keep-going', { jobs: '4', keepGoing: true }],
  ['build --jobs=default', { jobs: 'default' }],
  ['build -vqvv', { verbosity: 2, quiet: true }],
  ['build --message-format json,json-render-diagnostics', { messageFormat: 'json,json-render-diagnostics' }],
  [
    'build --message-format=JSON --message-format json-diagnostic-short',
    { messageFormat: 'json,json-diagnostic-short' },
  ],
  ['-C sub build', { cwd: '/ws/sub', verb: 'build', globalArguments: ['-C', 'sub'] }],
])('%s', (line, expected) => {
  expect(parse(line)).toMatchObject(expected);
});

test('an option without its value does not swallow the next flag', () => {
  const invocation = parse('build --bin --release');
  expect(optionValues(invocation, '--bin')).toEqual([]);
  expect(hasOption(invocation, '--bin')).toBe(true);
  expect(hasOption(invocation, '--release')).toBe(true);
});

test.each([
  ['run', []],
  ['run -q -- a --help', ['a', '--help']],
  ['run --bin x a -- --pure', ['a', '--', '--pure']],
  ['test --lib', []],
  ['test --lib name -- --list', ['name', '--list']],
  ['bench -- name', ['name']],
])('words for the programs of %s', (line, expected) => {
  expect(programArguments(parse(line))).toEqual(expected);
});

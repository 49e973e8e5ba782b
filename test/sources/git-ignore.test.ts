import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { lay, names, openAt, packageAt, request } from './helpers.ts';

function git(root: string, ...options: string[]): string {
  const env = { PATH: process.env['PATH'], HOME: root, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };
  return execFileSync('git', options, { cwd: root, env, encoding: 'utf8' });
}

/** What git does not ignore; the files of `.git` are never listed. */
function keptByGit(root: string): string[] {
  const listed = git(root, '-c', 'core.quotePath=off', 'ls-files', '--others', '--exclude-standard', '-z', '.');
  return listed
    .split('\0')
    .filter((name) => name !== '')
    .sort();
}

function keptByUs(root: string): string[] {
  return names(openAt(root).sources.closure(request({ package: packageAt(root), purpose: 'run' })));
}

const files = Object.fromEntries(
  [
    'a',
    'b.log',
    'dir/a',
    'dir/b.log',
    'dir/sub/a',
    'dir/sub/c.txt',
    'x y/a',
    'x y/[z]/a',
    'x y/[z]/b.log',
    '#h',
    '!n',
  ].map((name) => [name, '']),
);

test('random ignore files keep what git keeps', () => {
  const pattern = fc.constantFrom(
    ...[
      'a',
      '/a',
      '*.log',
      '!*.log',
      'dir/',
      '/dir',
      '!dir/',
      'dir/*',
      '!dir/sub',
      '!dir/sub/',
      'sub',
      '**/a',
      'dir/**',
    ],
    ...[
      'dir/**/a',
      '!a',
      '!/dir/sub/a',
      'x y/',
      'x\\ y/a',
      '[ab].log',
      '?',
      '\\#h',
      '\\!n',
      '# a',
      '',
      'c.txt  ',
      '/*',
      '!/x y',
    ],
    ...['*', '!*/', '[[]z]', '\\[z]/b.log', 'sub/a', '/sub/a', 'A'],
  );
  const text = fc.array(pattern, { maxLength: 4 }).map((lines) => `${lines.join('\n')}\n`);
  const rules = fc.record(
    {
      '.gitignore': text,
      'dir/.gitignore': text,
      'x y/[z]/.gitignore': text,
      'dir/sub/.gitignore': text,
      exclude: text,
    },
    { requiredKeys: ['.gitignore'] },
  );
  const root = lay({});
  git(root, 'init', '-q');
  fc.assert(
    fc.property(rules, ({ exclude, ...ignores }) => {
      for (const name of fs.readdirSync(root))
        if (name !== '.git') fs.rmSync(path.join(root, name), { recursive: true });
      lay({ ...files, ...ignores, '.git/info/exclude': exclude ?? '' }, root);
      expect(keptByUs(root)).toEqual(keptByGit(root));
    }),
    { numRuns: 150 },
  );
});

test('rules of the directories above a package hold, and a package in an ignored directory has its own', () => {
  const root = lay({
    '.gitignore': 'generated/\n*.tmp\n',
    'crates/.gitignore': 'notes\n',
    'crates/a/notes': '',
    'crates/a/x.tmp': '',
    'crates/a/kept': '',
    'generated/b/.gitignore': 'other',
    'generated/b/x.tmp': '',
    'generated/b/other': '',
  });
  git(root, 'init', '-q');
  const list = (member: string) =>
    names(openAt(root).sources.closure(request({ package: packageAt(path.join(root, member)), purpose: 'run' })));
  expect(list('crates/a')).toEqual(['crates/a/kept']);
  expect(list('generated/b')).toEqual(['generated/b/.gitignore', 'generated/b/x.tmp']);
});

test('a linked work tree uses the exclude file of its repository', () => {
  const root = lay({ 'main/x': '' });
  const main = path.join(root, 'main');
  git(main, 'init', '-q');
  git(main, '-c', 'user.name=a', '-c', 'user.email=a@b.c', 'commit', '-q', '--allow-empty', '-m', 'x');
  git(main, 'worktree', 'add', '-q', '../linked');
  lay({ '.git/info/exclude': 'hidden' }, main);
  lay({ hidden: '', seen: '' }, path.join(root, 'linked'));
  expect(keptByUs(path.join(root, 'linked'))).toEqual(['seen']);
});

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = new URL('..', import.meta.url);
const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string };
const { installDrydock } = (await import(new URL('test/conformance/install.mjs', root).href)) as {
  installDrydock: (dir: string) => string;
};

/** Packed and installed as a user does it: `npm pack`, `npm install -g` of the archive. */
let place: string;
let drydock: string;
beforeAll(() => {
  place = mkdtempSync(path.join(tmpdir(), 'drydock-package-'));
  drydock = installDrydock(place);
});
afterAll(() => {
  rmSync(place, { recursive: true, force: true });
});

function start(program: string, ...args: string[]): string {
  const env = { ...process.env, PATH: `${path.dirname(drydock)}:${process.env['PATH'] ?? ''}` };
  return execFileSync(program, args, { cwd: place, encoding: 'utf8', env });
}

test('the installed package gives drydock and cargo drydock', () => {
  expect(start('drydock', '--version')).toContain(version);
  expect(start('cargo', 'drydock', '--version')).toContain(version);
  expect(start('drydock', 'help')).toContain('Usage: cargo drydock');
});

test('the installed package holds what a build needs, and no sources', () => {
  const inside = path.join(place, 'installed/lib/node_modules/drydock');
  for (const file of ['dist/drydock.mjs', 'builder/common.sh', 'builder/run.sh', 'README.md', 'docs/errors.md']) {
    expect(existsSync(path.join(inside, file)), file).toBe(true);
  }
  const top = ['README.md', 'builder', 'dist', 'docs', 'nix', 'node_modules', 'package.json'];
  expect(readdirSync(inside).filter((name) => !top.includes(name) && !name.startsWith('LICENSE'))).toEqual([]);
});

/** What `drydock nix` and `drydock mount` refuse, before and while root is asked. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Launch } from '../daemon/daemon.ts';
import { run } from './support.ts';

const program = fileURLToPath(new URL('../../dist/drydock.mjs', import.meta.url));

export function refusalSuite(launch: Launch): void {
  /** Root's alone, as all above it. */
  let prefix: string;
  let conf: string;

  beforeAll(() => {
    prefix = mkdtempSync('/opt/drydock-install-');
    chmodSync(prefix, 0o755);
    conf = path.join(prefix, 'nix.conf');
    writeFileSync(conf, 'sandbox = true\n');
  });
  afterAll(() => rmSync(prefix, { recursive: true, force: true }));

  function nix(tool: string, ...words: readonly string[]): string {
    const [first = '', ...before] = launch.tool(tool);
    return run(first, [...before, ...words]);
  }

  function drydock(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const ended = spawnSync(process.execPath, [program, ...words], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    });
    return { code: ended.status, stdout: ended.stdout, said: ended.stderr };
  }

  function install(places: Readonly<Record<string, string>> = {}, env: Readonly<Record<string, string>> = {}) {
    const given = { prefix, conf, limits: path.join(prefix, 'hook.conf'), ...places };
    const options = Object.entries(given).flatMap(([name, value]) => [`--${name}`, value]);
    return drydock(['nix', 'install-hook', ...options], env);
  }

  test('words that nobody knows', () => {
    for (const words of [['nix'], ['nix', 'install'], ['nix', 'install-hook', '--force']]) {
      expect(drydock(words).said).toContain('error[D0805]');
    }
    for (const words of [['mount'], ['mount', 'nix-build'], ['mount', '--dir', 'x', '--', 'nix-build']]) {
      expect(drydock(words).said).toContain('error[D0807]');
    }
  });

  test('a hook of somebody else, and a configuration that NixOS has made', () => {
    const taken = path.join(prefix, 'taken.conf');
    writeFileSync(taken, 'pre-build-hook = /opt/other\n');
    expect(install({ conf: taken }).said).toMatch(/error\[D1102\].*\/opt\/other/);
    const made = nix('nix-store', '--add', conf).trim();
    const linked = path.join(prefix, 'linked.conf');
    symlinkSync(made, linked);
    expect(install({ conf: linked }).said).toMatch(/error\[D1103\].*made by NixOS/);
    nix('nix-store', '--delete', made);
  });

  test('places where others can write, or that a shell would read otherwise', () => {
    const open = path.join(prefix, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    expect(install({ prefix: path.join(open, 'inner') }).said).toMatch(/error\[D1104\].*\/open is not root's alone/);
    expect(install({ limits: path.join(open, 'hook.conf') }).said).toContain('error[D1104]');
    expect(install({ prefix: `${prefix}/a b` }).said).toContain('error[D1105]');
    expect(install({ limits: `${prefix}/$(id)` }).said).toContain('error[D1105]');
  });

  test('no compiler, and a script of root’s that fails', () => {
    expect(install({}, { PATH: '/nowhere' }).said).toContain('error[D1101]');
    expect(existsSync(path.join(prefix, 'lib'))).toBe(false);
    // Nobody can make files there.
    const failed = install({ conf: '/proc/nix.conf' });
    expect([failed.code, failed.said]).toEqual([101, expect.stringContaining('error[D0809]')]);
  });
}

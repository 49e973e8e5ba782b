/** What the hook does, for any version of Nix. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Launch } from '../daemon/daemon.ts';
import { counting } from './expressions.ts';
import { type Lab, type Ran, type User, installHook, openLab, outputText, run, writeAs } from './support.ts';

export function hookSuite(launch: Launch): void {
  let lab: Lab;
  let alice: User;
  let bob: User;

  beforeAll(async () => {
    lab = await openLab(launch);
    [alice, bob] = lab.users;
    for (const user of lab.users) writeAs(user, 'counting.nix', counting);
    await installHook(lab);
  });
  afterAll(() => lab.remove());

  function build(user: User, salt: string, values: Readonly<Record<string, string>> = {}): Promise<Ran> {
    const words = Object.entries({ salt, ...values }).flatMap(([name, value]) => ['--argstr', name, value]);
    return lab.drydock(user, 'mount', '--', 'nix-build', '--no-out-link', 'counting.nix', ...words);
  }

  const mountOf = (user: User, id: string) => path.join(user.home, '.cache/drydock/mounts', id);

  test('a build finds what the build before it has left, and the files belong to the developer', async () => {
    expect(outputText(lab, await build(alice, 'one'))).toBe('1000\n');
    expect(outputText(lab, await build(alice, 'two'))).toBe('one\n1000\n');
    const file = path.join(mountOf(alice, 'count'), 'builds');
    expect(readFileSync(file, 'utf8')).toBe('one\ntwo\n');
    const { uid, gid } = statSync(file);
    expect([uid, gid]).toEqual([alice.uid, alice.gid]);
    // Nothing is left: no grant, no mount point.
    expect(readdirSync(path.join(alice.home, '.local/share/drydock/nix/var/drydock/grants'))).toEqual([]);
    await expect.poll(() => (existsSync('/run/drydock') ? readdirSync('/run/drydock') : [])).toEqual([]);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain('/run/drydock');
    // A build without a sandbox, which runs beside the mount as another build user, could not look at it.
    expect(statSync('/run/drydock').mode & 0o777).toBe(0o700);
  });

  test('the next build may run as another build user', async () => {
    await build(alice, 'first', { id: 'users' });
    const pool = '/nix/var/nix/userpool';
    const [taken = ''] = readdirSync(pool);
    // Whoever holds the lock of a build user keeps the daemon from taking that one.
    const holder = spawn('flock', [path.join(pool, taken), 'sleep', '20']);
    await sleep(200);
    expect(outputText(lab, await build(alice, 'second', { id: 'users', script: 'chmod 600 $target/builds' }))).toBe(
      'first\n1000\n',
    );
    holder.kill();
    expect(outputText(lab, await build(alice, 'third', { id: 'users' }))).toBe('first\nsecond\n1000\n');
    expect(statSync(path.join(mountOf(alice, 'users'), 'builds')).uid).toBe(alice.uid);
  });

  test('two developers build at once, each with their own', async () => {
    const values = { id: 'both', script: 'sleep 1' };
    await Promise.all([build(alice, 'a1', values), build(bob, 'b1', values)]);
    const [a, b] = await Promise.all([build(alice, 'a2', values), build(bob, 'b2', values)]);
    expect(outputText(lab, a)).toBe('a1\n1000\n');
    expect(outputText(lab, b)).toBe('b1\n1000\n');
  });

  test('locked: the other build waits and then finds what was left', async () => {
    const first = build(alice, 'slow', { id: 'locked', script: 'sleep 2; echo slept >>$target/builds' });
    await expect.poll(() => existsSync(path.join(mountOf(alice, 'locked'), 'builds')), { timeout: 10_000 }).toBe(true);
    expect(outputText(lab, await build(alice, 'quick', { id: 'locked' }))).toBe('slow\nslept\n1000\n');
    await first;
  });

  test('locked: two builds of one command, of which the second cannot wait', async () => {
    writeAs(
      alice,
      'pair.nix',
      '[ (import ./counting.nix { salt = "p1"; id = "pair"; script = "sleep 2"; }) (import ./counting.nix { salt = "p2"; id = "pair"; script = "sleep 2"; }) ]',
    );
    const ran = await lab.drydock(alice, 'mount', '--', 'nix-build', '--no-out-link', '-j2', 'pair.nix');
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.stderr).toContain('is in use by another build of the same command');
    expect(readFileSync(path.join(mountOf(alice, 'pair'), 'builds'), 'utf8')).toMatch(/^p[12]\n$/);
  });

  test('two builds of one command at once, each as its own build user', async () => {
    const one = (salt: string) =>
      `(import ./counting.nix { salt = "${salt}"; id = "crowd"; sharing = "shared"; script = "sleep 2; cat $target/builds >>$out"; })`;
    writeAs(alice, 'crowd.nix', `[ ${['c1', 'c2', 'c3'].map(one).join(' ')} ]`);
    const ran = await lab.drydock(alice, 'mount', '--', 'nix-build', '--no-out-link', '-j3', 'crowd.nix');
    expect(ran.code, ran.stderr).toBe(0);
    const builds = readFileSync(path.join(mountOf(alice, 'crowd'), 'builds'), 'utf8');
    expect(
      builds
        .trim()
        .split('\n')
        .toSorted((a, b) => (a < b ? -1 : 1)),
    ).toEqual(['c1', 'c2', 'c3']);
    for (const out of ran.stdout.trim().split('\n')) {
      const text = readFileSync(lab.daemon.address.root + out, 'utf8');
      expect(text).toMatch(/^1000$/m);
      expect(text).not.toContain('read-only');
    }
  });

  test('builds of one command of which each makes new directories called `build` all the while', async () => {
    const script = 'end=$(($(date +%s)+3)); while [ $(date +%s) -lt $end ]; do mkdir next; mv -T next build; done';
    const one = (salt: string) =>
      `(import ./counting.nix { salt = "${salt}"; id = "busy"; sharing = "shared"; script = "${script.replaceAll('$', '\\$')}"; })`;
    writeAs(alice, 'busy.nix', `[ ${['b1', 'b2', 'b3', 'b4'].map(one).join(' ')} ]`);
    const ran = await lab.drydock(alice, 'mount', '--', 'nix-build', '--no-out-link', '-j4', 'busy.nix');
    expect(ran.code, ran.stderr).toBe(0);
    const builds = readFileSync(path.join(mountOf(alice, 'busy'), 'builds'), 'utf8');
    expect(builds.trim().split('\n').toSorted()).toEqual(['b1', 'b2', 'b3', 'b4']);
  });

  test('private: the other build gets a directory of its own; shared: the same one', async () => {
    for (const [sharing, expected] of [
      ['private', '1000\n'],
      ['shared', 'slow\n1000\n'],
    ] as const) {
      const first = build(alice, 'slow', { id: sharing, sharing, script: 'sleep 2' });
      await expect.poll(() => existsSync(path.join(mountOf(alice, sharing), 'builds')), { timeout: 10_000 }).toBe(true);
      expect(outputText(lab, await build(alice, 'quick', { id: sharing, sharing }))).toBe(expected);
      await first;
    }
    expect(readFileSync(path.join(mountOf(alice, 'private.2'), 'builds'), 'utf8')).toBe('quick\n');
  });

  test('ro: the files are there and cannot be written', async () => {
    await build(alice, 'writer', { id: 'ro' });
    expect(outputText(lab, await build(alice, 'reader', { id: 'ro', ro: '1' }))).toBe('writer\n1000\nread-only\n');
    expect(readFileSync(path.join(mountOf(alice, 'ro'), 'builds'), 'utf8')).toBe('writer\n');
  });

  test('the administrator limits users, ids and paths', async () => {
    const limit = (text: string) => writeFileSync(lab.limits, text);
    limit(`# who may\nusers = ${bob.name}\nids = limited*\npaths = ${bob.home}/.cache/**\n`);
    expect(outputText(lab, await build(alice, 'l1', { id: 'limited' }))).toBe('cold\n');
    expect(outputText(lab, await build(bob, 'l1', { id: 'limited' }))).toBe('1000\n');
    expect(outputText(lab, await build(bob, 'l2', { id: 'other' }))).toBe('cold\n');
    limit(`groups = ${bob.name}\npaths = /srv/*\n`);
    const refused = await build(bob, 'l3', { id: 'limited' });
    expect(outputText(lab, refused)).toBe('cold\n');
    expect(refused.stderr).toContain("the administrator's limits do not allow");
    limit('');
    run('chmod', ['o+w', lab.limits]);
    expect(outputText(lab, await build(bob, 'l4', { id: 'limited' }))).toBe('cold\n');
    run('rm', [lab.limits]);
    expect(outputText(lab, await build(bob, 'l5', { id: 'limited' }))).toBe('l1\n1000\n');
  });

  test('a build cannot lead `drydock` out of its mounts, by a link in one or by a name', async () => {
    writeAs(alice, 'secret/builds', 'secret\n');
    const link = `ln -sfn ${path.join(alice.home, 'secret')} $target/inner; ln -sfn ${path.join(alice.home, 'secret/builds')} $target/inner.lock`;
    expect(outputText(lab, await build(alice, 'n1', { id: 'outer', script: link }))).toBe('1000\n');
    expect(outputText(lab, await build(alice, 'n2', { id: 'outer/inner' }))).toBe('1000\n');
    expect(readdirSync(mountOf(alice, 'outer,inner'))).toContain('builds');
    for (const id of ['../out', 'incremental/../../out', '/out', 'incremental/../../../Cargo']) {
      const ran = await build(alice, 'n3', { id });
      expect(outputText(lab, ran)).toBe('cold\n');
      expect(ran.stderr).toContain('its `cacheMounts` does not read');
    }
    expect(readFileSync(path.join(alice.home, 'secret/builds'), 'utf8')).toBe('secret\n');
    expect(run('find', [alice.home, '-name', 'out*', '-o', '-name', 'Cargo*'])).not.toMatch(/\/out\b|Cargo/);
  });

  test('without the variable nothing is asked for, and a command that fails says what it says', async () => {
    const plain = await lab.as(alice, ['nix-build', '--no-out-link', 'counting.nix', '--argstr', 'salt', 'plain']);
    expect(outputText(lab, plain)).toBe('cold\n');
    const failed = await lab.drydock(alice, 'mount', '--', 'nix-build', 'nowhere.nix');
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('nowhere.nix');
    expect((await build(alice, 'fails', { script: 'exit 7' })).code).not.toBe(0);
    expect((await lab.drydock(alice, 'mount', '--', 'make')).stderr).toContain('D0808');
  });

  test('a C project compiles only what has changed', async () => {
    run('cp', ['-R', new URL('../../docs/examples/c-objects', import.meta.url).pathname, path.join(alice.home, 'c')]);
    run('chown', ['-R', `${alice.uid}:${alice.gid}`, path.join(alice.home, 'c')]);
    // As the documentation has it.
    const command = async (...words: readonly string[]) => {
      const program = [process.execPath, path.join(lab.prefix, 'dist/drydock.mjs')];
      return lab.as(alice, ['/bin/sh', '-c', 'cd c && exec "$@"', 'sh', ...program, 'mount', '--', ...words]);
    };
    const first = await command('nix-build');
    expect(first.stderr.match(/^cc -c .*$/gm)).toHaveLength(2);
    writeAs(
      alice,
      'c/src/greet.c',
      readFileSync(path.join(alice.home, 'c/src/greet.c'), 'utf8').replace('Hello', 'Good morning'),
    );
    const second = await command('nix', 'build', '--impure', '--file', 'default.nix', '-L');
    expect(second.code, second.stderr).toBe(0);
    expect(second.stderr.match(/cc -c .*$/gm)).toEqual(['cc -c greet.c']);
    const program = path.join(lab.daemon.address.root + readlinkSync(path.join(alice.home, 'c/result')), 'bin/hello');
    expect(run(program, [])).toContain('Good morning');
  });

  test('where mounts are shared, as systemd has it, none leaves the worker', async () => {
    // The daemon, and beside it a process that stays where it was started.
    const beside = 'sleep 600 >/dev/null 2>&1 <&1 & echo $! >$NIX_CONF_DIR/beside; exec "$@"';
    const before = ['unshare', '-m', '--propagation', 'shared', 'sh', '-c', beside, 'sh'];
    const tool = (name: string) => [...(name === 'nix-daemon' ? before : []), ...launch.tool(name)];
    const other = await openLab({ ...launch, tool });
    try {
      const [user] = other.users;
      writeAs(user, 'counting.nix', counting);
      await installHook(other);
      const pid = readFileSync(path.join(other.daemon.directory, 'etc/beside'), 'utf8').trim();
      const table = () => readFileSync(`/proc/${pid}/mountinfo`, 'utf8');
      expect(table()).toMatch(/ \/ \/ .* shared:/);
      const words = ['mount', '--', 'nix-build', '--no-out-link', 'counting.nix', '--argstr', 'salt', 'shared'];
      const seen: string[] = [];
      const looking = setInterval(() => {
        seen.push(
          ...table()
            .split('\n')
            .filter((line) => line.includes('/run/drydock')),
        );
      }, 1);
      const ran = await other.drydock(user, ...words).finally(() => clearInterval(looking));
      expect(outputText(other, ran)).toBe('1000\n');
      expect(seen).toEqual([]);
    } finally {
      await other.remove();
    }
  });

  test('a derivation without a mount costs the daemon a shell and no more', async () => {
    const hook = path.join(lab.prefix, 'lib/drydock/pre-build-hook');
    const plain = 'derivation { name = "plain"; system = builtins.currentSystem; builder = "/bin/sh"; }';
    const { stdout } = await lab.as(alice, ['nix-instantiate', '--expr', plain]);
    const drv = lab.daemon.address.root + stdout.trim();
    const loop = 'i=0; while [ $i -lt 50 ]; do "$0" "$1" "$1.chroot"; i=$((i+1)); done';
    const took = [1, 2, 3].map(() => {
      const begun = performance.now();
      expect(run('/bin/sh', ['-c', loop, hook, drv])).toBe('');
      return (performance.now() - begun) / 50;
    });
    // Milliseconds; the least of them, for others use the machine, too.
    expect(Math.min(...took)).toBeLessThan(5);
  });

  test('installing again changes nothing, the check tells that it works, removing leaves nix.conf as it was', async () => {
    const conf = path.join(lab.daemon.directory, 'etc/nix.conf');
    const installed = readFileSync(conf, 'utf8');
    expect(lab.drydockAsRoot(...lab.installWords()).stdout).toContain('the hook is installed as it should be');
    expect(readFileSync(conf, 'utf8')).toBe(installed);
    // What lies there of an earlier drydock goes.
    const earlier = path.join(lab.prefix, 'lib/drydock/source/earlier.rs');
    writeFileSync(earlier, '');
    expect(lab.drydockAsRoot(...lab.installWords()).stdout).toContain('remove source/earlier.rs');
    expect(existsSync(earlier)).toBe(false);
    const check = await lab.drydock(alice, 'nix', 'check-hook');
    expect(check.stdout + check.stderr).toContain('had its cache mount');
    expect(lab.drydockAsRoot(...lab.installWords(), '--uninstall', '--dry-run').stdout).toContain('rm -f');
    expect(readFileSync(conf, 'utf8')).toBe(installed);
    lab.drydockAsRoot(...lab.installWords(), '--uninstall');
    expect(readFileSync(conf, 'utf8')).toBe(installed.replace(/# Cache mounts.*\n.*\n/, ''));
    expect(existsSync(path.join(lab.prefix, 'lib/drydock'))).toBe(false);
    await lab.daemon.stop();
    await lab.daemon.start();
    const cold = await build(alice, 'gone');
    expect(outputText(lab, cold)).toBe('cold\n');
    expect(cold.stderr).toContain('drydock nix install-hook');
    expect((await lab.drydock(alice, 'nix', 'check-hook')).code).toBe(1);
  });
}

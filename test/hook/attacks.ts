/** What the hook refuses. Each attack ends in a cold build, one line in the daemon's log, and nothing changed. */
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import * as path from 'node:path';
import { text as streamText } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Launch } from '../daemon/daemon.ts';
import { counting } from './expressions.ts';
import { type Caller, callerOf, grantText, nameOf, put, realise, instantiate } from './forging.ts';
import { serveAsOwners } from './fuse.ts';
import { found, processesOf, rightsOf, without } from './processes.ts';
import { type Lab, type User, installHook, mkdirAs, openLab, run, writeAs } from './support.ts';

export function attackSuite(launch?: Launch): void {
  let lab: Lab;
  let alice: User;
  let bob: User;
  let number = 0;

  beforeAll(async () => {
    lab = await openLab(launch);
    [alice, bob] = lab.users;
    for (const user of lab.users) writeAs(user, 'counting.nix', counting);
    writeFileSync(lab.limits, 'wait = 2\n');
    await installHook(lab);
  });
  afterAll(() => lab.remove());

  const derivation = (user: User, caller: object, values: Readonly<Record<string, string>> = {}): Promise<string> =>
    instantiate(lab, user, 'counting.nix', caller, { salt: `${path.basename(lab.prefix)}-${number++}`, ...values });
  const build = (user: User, drv: string) => realise(lab, user, drv);

  /** What the hook has said of a build that had no mount. */
  async function cold(user: User, drv: string): Promise<string> {
    const { text, said } = await build(user, drv);
    expect(text, said).toBe('cold\n');
    return said;
  }

  /** The honest way, from which each attack differs in one thing. */
  async function honest(user: User): Promise<{ caller: Caller; directory: string }> {
    const caller = callerOf(user);
    const directory = mkdirAs(user, `mounts/${number++}`);
    const drv = await derivation(user, caller);
    put(user, caller, drv, grantText(drv, caller, [{ directory }]));
    expect((await build(user, drv)).text).toBe('1000\n');
    return { caller, directory };
  }

  test('a forged grant, and one for a directory of another user', async () => {
    const { caller, directory } = await honest(alice);
    // In the name of Alice, with grants in a directory of Bob's.
    const forged = { ...caller, cacheGrants: callerOf(bob).cacheGrants };
    const first = await derivation(bob, forged);
    put(bob, forged, first, grantText(first, forged, [{ directory }]));
    expect(await cold(bob, first)).toContain('Permission denied');
    chmodSync(bob.home, 0o755);
    chmodSync(forged.cacheGrants, 0o755);
    const second = await derivation(bob, forged);
    put(bob, forged, second, grantText(second, forged, [{ directory }]));
    expect(await cold(bob, second)).toContain("is not the owner's alone to write");
    // A file of Bob's in a directory that Alice lets everybody write.
    const open = { ...caller, cacheGrants: mkdirAs(alice, 'open') };
    chmodSync(open.cacheGrants, 0o777);
    const third = await derivation(bob, open);
    writeAs(bob, path.join(open.cacheGrants, nameOf(third)), grantText(third, open, [{ directory }]));
    expect(await cold(bob, third)).toContain("is not the owner's alone to write");
    chmodSync(open.cacheGrants, 0o755);
    const fourth = await derivation(bob, open);
    writeAs(bob, path.join(open.cacheGrants, nameOf(fourth)), grantText(fourth, open, [{ directory }]));
    expect(await cold(bob, fourth)).toContain("is not the owner's own file");
    // In his own name, for a directory of Alice's that everybody may look at.
    const readable = mkdirAs(alice, '../public');
    const own = callerOf(bob);
    const fifth = await derivation(bob, own);
    put(bob, own, fifth, grantText(fifth, own, [{ directory: readable }]));
    expect(await cold(bob, fifth)).toContain(`is not a directory of uid ${bob.uid}`);
    chmodSync(bob.home, 0o700);
    expect(readFileSync(path.join(directory, 'builds'), 'utf8').split('\n')).toHaveLength(2);
  });

  test('owner and scope copied from a derivation that has a grant', async () => {
    const { caller } = await honest(alice);
    const files = readdirSync(caller.cacheGrants).length;
    expect(await cold(bob, await derivation(bob, caller))).toContain(`no grant of uid ${alice.uid}`);
    // Nor can Bob make files in Alice's directory by being refused.
    expect(readdirSync(caller.cacheGrants)).toHaveLength(files);
  });

  test('a grant for another derivation, under this one’s name, or past its end', async () => {
    const { caller, directory } = await honest(alice);
    const other = await derivation(alice, caller);
    const drv = await derivation(alice, caller);
    put(alice, caller, drv, grantText(other, caller, [{ directory }]));
    expect(await cold(alice, drv)).toContain('for another derivation');
    const late = await derivation(alice, caller);
    put(alice, caller, late, grantText(late, caller, [{ directory }], -1));
    expect(await cold(alice, late)).toContain('no longer valid');
    const scoped = await derivation(alice, caller);
    put(alice, caller, scoped, grantText(scoped, { ...caller, scope: 'b'.repeat(32) }, [{ directory }]));
    expect(await cold(alice, scoped)).toContain('for another scope');
    const half = await derivation(alice, caller);
    put(alice, caller, half, grantText(half, caller, [{ directory }]).slice(0, -5));
    expect(await cold(alice, half)).toContain('not all of it');
  });

  test('a symlink in any component', async () => {
    const { caller, directory } = await honest(alice);
    const link = path.join(alice.home, `link-${number++}`);
    symlinkSync(path.dirname(directory), link);
    const through = path.join(link, path.basename(directory));
    const last = `${directory}-link`;
    symlinkSync(directory, last);
    for (const place of [through, last]) {
      const drv = await derivation(alice, caller);
      put(alice, caller, drv, grantText(drv, caller, [{ directory: place, of: directory }]));
      expect(await cold(alice, drv)).toContain(place === last ? 'Not a directory' : 'symbolic links');
    }
    const grants = path.join(alice.home, `grants-${number++}`);
    symlinkSync(caller.cacheGrants, grants);
    const drv = await derivation(alice, { ...caller, cacheGrants: grants });
    put(alice, caller, drv, grantText(drv, caller, [{ directory }]));
    expect(await cold(alice, drv)).toContain('Not a directory');
    const linked = await derivation(alice, caller);
    const file = writeAs(alice, 'elsewhere.grant', grantText(linked, caller, [{ directory }]));
    symlinkSync(file, path.join(caller.cacheGrants, nameOf(linked)));
    expect(await cold(alice, linked)).toContain('no grant');
  });

  test('a directory that is swapped after it was granted, and while the hook looks', async () => {
    const { caller } = await honest(alice);
    // Everybody may rename here: the parent is Bob's.
    const shared = mkdirAs(bob, '../shared');
    const directory = mkdirAs(alice, path.join(shared, 'cache'));
    chmodSync(shared, 0o777);
    const secret = mkdirAs(alice, path.join(shared, 'secret'));
    writeAs(alice, path.join(secret, 'builds'), 'secret\n');
    const drv = await derivation(alice, caller);
    put(alice, caller, drv, grantText(drv, caller, [{ directory }]));
    renameSync(directory, `${directory}.aside`);
    renameSync(secret, directory);
    expect(await cold(alice, drv)).toContain('is not the directory that was granted');
    renameSync(directory, secret);
    renameSync(`${directory}.aside`, directory);
    const { dev, ino } = statSync(directory);
    const swapper = spawn(
      '/bin/sh',
      [
        '-c',
        'while :; do mv cache aside; ln -s /etc cache; rm cache; mv secret cache; mv cache secret; mv aside cache; done',
      ],
      { cwd: shared, stdio: 'ignore' },
    );
    try {
      for (let round = 0; round < 6; round++) {
        const raced = await derivation(alice, caller);
        const text = grantText(raced, caller, [{ directory, of: '/' }]);
        put(alice, caller, raced, text.replace(/\d+:\d+/, `${dev}:${ino}`));
        expect((await build(alice, raced)).text).not.toContain('secret');
      }
    } finally {
      swapper.kill('SIGKILL');
    }
  });

  describe('targets and ids', () => {
    test.each([
      ...[
        '/nix',
        '/nix/store',
        '/etc',
        '/etc/passwd',
        '/build',
        '/build/out',
        '/proc/self',
        '/dev/shm',
        '/sys',
        '/usr/lib',
        '/tmp',
        '/tmp/in',
      ],
      ...['/', '//', '/cache/', '/cache/../etc', '/./etc', 'cache', '/a=b', '/a b', '/a\nb'],
    ])('the target %j', async (target) => {
      const caller = callerOf(alice);
      const directory = mkdirAs(alice, 'mounts/targets');
      const drv = await derivation(alice, caller, { target });
      put(alice, caller, drv, grantText(drv, caller, [{ directory }]));
      const { said } = await build(alice, drv);
      expect(said).toContain('drydock: no cache mount for');
      expect(readdirSync(directory)).toEqual([]);
    });

    test.each(['../count', 'a/../../b', '/etc', 'a//b', '.', 'a b', ''])('the id %j', async (id) => {
      const caller = callerOf(alice);
      const directory = mkdirAs(alice, 'mounts/ids');
      const drv = await derivation(alice, caller, { id });
      put(alice, caller, drv, grantText(drv, caller, [{ directory, id }]));
      expect(await cold(alice, drv)).toContain('not an id of a mount');
    });
  });

  test('owners who are none, root and nobody among them', async () => {
    const caller = callerOf(alice);
    for (const owner of ['0', '00', '-1', '65534', '4294967295', '1000 ', 'root', '']) {
      expect(await cold(bob, await derivation(bob, { ...caller, owner }))).toContain('owner');
    }
    expect(await cold(bob, await derivation(bob, { ...caller, cacheGrants: '/proc/self/cwd' }))).toContain(
      'no cache mount',
    );
    expect(
      await cold(bob, await derivation(bob, { ...caller, cacheGrants: `${caller.cacheGrants}/../grants` })),
    ).toContain('plain absolute path');
  });

  test('a file, a pipe or a device instead of a directory or a grant', async () => {
    const { caller, directory } = await honest(alice);
    const file = writeAs(alice, 'plain-file', '');
    const pipe = path.join(alice.home, 'pipe');
    run('mkfifo', [pipe]);
    run('chown', [alice.name, pipe]);
    for (const place of [file, pipe, '/dev/null']) {
      const drv = await derivation(alice, caller);
      put(alice, caller, drv, grantText(drv, caller, [{ directory: place }]));
      expect(await cold(alice, drv)).toContain('Not a directory');
    }
    renameSync(pipe, `${directory}.lock`);
    const locked = await derivation(alice, caller);
    put(alice, caller, locked, grantText(locked, caller, [{ directory }]).replace(' held ', ' lock '));
    expect(await cold(alice, locked)).toContain("is not the owner's lock");
    const waits = await derivation(alice, caller);
    const grant = path.join(caller.cacheGrants, nameOf(waits));
    run('mkfifo', [grant]);
    run('chown', [alice.name, grant]);
    expect(await cold(alice, waits)).toContain("is not the owner's own file");
    const linked = await derivation(alice, caller);
    linkSync(
      writeAs(alice, 'first-name', grantText(linked, caller, [{ directory }])),
      path.join(caller.cacheGrants, nameOf(linked)),
    );
    expect(await cold(alice, linked)).toContain("is not the owner's own file");
    const large = await derivation(alice, caller);
    put(alice, caller, large, `${grantText(large, caller, [{ directory }])}${'x'.repeat(1 << 17)}`);
    expect(await cold(alice, large)).toContain('larger than');
  });

  test('a directory of a group that its owner is not in', async () => {
    const { caller, directory } = await honest(alice);
    run('chgrp', [bob.name, directory]);
    const drv = await derivation(alice, caller);
    put(alice, caller, drv, grantText(drv, caller, [{ directory }]));
    expect(await cold(alice, drv)).toContain(`belongs to a group that uid ${alice.uid} is not in`);
  });

  test('a setuid file that a build leaves has the rights of the owner and of no other, where nobody else comes', async () => {
    const script = `perl -e 'use Fcntl; umask 0; sysopen(F, "/cache/left", O_CREAT | O_WRONLY, 06755) or die'; chmod 4755 /cache/builds || :; grep ' /cache ' /proc/self/mountinfo >&2`;
    const words = [
      'nix-build',
      '--no-out-link',
      'counting.nix',
      '--argstr',
      'salt',
      'setuid',
      '--argstr',
      'script',
      script,
    ];
    const ran = await lab.drydock(alice, 'mount', '--', ...words);
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.stderr).toMatch(/ \/cache rw,nosuid,nodev,/);
    const mounts = path.join(alice.home, '.cache/drydock/mounts');
    const { uid, gid } = statSync(path.join(mounts, 'count/left'));
    expect([uid, gid]).toEqual([alice.uid, alice.gid]);
    expect(statSync(path.join(mounts, 'count/builds')).mode & 0o7000).toBe(0);
    expect(statSync(mounts).mode & 0o077).toBe(0);
  });

  test('a directory on another file system, and on one that cannot be mounted with other owners', async () => {
    const caller = callerOf(alice);
    const places = { tmpfs: mkdirAs(alice, 'on-tmpfs'), overlay: mkdirAs(alice, 'on-overlay') };
    const lower = `lowerdir=${mkdirAs(alice, 'lower')}`;
    run('mount', ['-t', 'tmpfs', '-o', `uid=${alice.uid},gid=${alice.gid},mode=755`, 'drydock-test', places.tmpfs]);
    // Upper layers lie on another file system than an overlay, as in a container.
    const [upper, work] = [mkdirAs(alice, 'on-tmpfs/upper'), mkdirAs(alice, 'on-tmpfs/work')];
    run('mount', ['-t', 'overlay', '-o', `${lower},upperdir=${upper},workdir=${work}`, 'drydock-test', places.overlay]);
    try {
      // Its namespace is a copy of the machine's.
      await lab.daemon.stop();
      await lab.daemon.start();
      for (const [kind, directory] of Object.entries(places)) {
        const drv = await derivation(alice, caller);
        put(alice, caller, drv, grantText(drv, caller, [{ directory }]));
        const { text, said } = await build(alice, drv);
        if (kind === 'overlay') expect(said).toContain('this file system cannot be mounted with other owners');
        expect([kind, text]).toEqual([kind, kind === 'overlay' ? 'cold\n' : '1000\n']);
      }
    } finally {
      await lab.daemon.stop();
      for (const place of [places.overlay, places.tmpfs]) run('umount', ['-l', place]);
      await lab.daemon.start();
    }
  });

  test('a file system of the owner’s that never answers', async () => {
    const caller = callerOf(alice);
    const silent = mkdirAs(alice, 'silent');
    const options = 'fd=3,rootmode=40000,user_id=0,group_id=0,allow_other';
    const mount = `exec 3<>/dev/fuse; mount -i -t fuse -o ${options} silent "$1" && echo mounted && sleep 120`;
    const holder = spawn('/bin/sh', ['-c', mount, 'sh', silent], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    try {
      await new Promise((resolve, reject) => {
        holder.stdout.once('data', resolve);
        holder.once('exit', () => reject(new Error('this test needs /dev/fuse')));
      });
      // Its namespace is a copy of the machine's.
      await lab.daemon.stop();
      await lab.daemon.start();
      for (const place of ['grants', 'directory'] as const) {
        const grants = place === 'grants' ? { ...caller, cacheGrants: path.join(silent, 'grants') } : caller;
        const drv = await derivation(alice, grants);
        const text = grantText(drv, caller, [{ directory: path.join(silent, 'cache'), of: alice.home }]);
        if (place === 'directory') put(alice, caller, drv, text);
        const begun = performance.now();
        expect(await cold(alice, drv)).toContain('did not answer in time');
        expect(performance.now() - begun).toBeLessThan(20_000);
      }
    } finally {
      if (holder.pid !== undefined) process.kill(-holder.pid, 'SIGKILL');
      spawnSync('umount', ['-l', silent]);
    }
    await honest(alice);
  });

  test('a grant in a file system of another user’s that says of its files that they are the owner’s', async () => {
    const { caller, directory } = await honest(alice);
    const forged = { ...caller, cacheGrants: mkdirAs(bob, '../forged-grants') };
    const drv = await derivation(bob, forged);
    const text = writeAs(bob, 'forged-text', grantText(drv, forged, [{ directory }]));
    const server = await serveAsOwners(forged.cacheGrants, alice.uid, bob.uid, text);
    try {
      expect(statSync(path.join(forged.cacheGrants, nameOf(drv))).uid).toBe(alice.uid);
      // Its namespace is a copy of the machine's.
      await lab.daemon.stop();
      await lab.daemon.start();
      expect(await cold(bob, drv)).toContain('lies in a FUSE');
    } finally {
      server.kill('SIGKILL');
      spawnSync('umount', ['-l', forged.cacheGrants]);
    }
  });

  test('thousands of grants cost nothing, a large derivation little', async () => {
    const { caller, directory } = await honest(alice);
    for (let i = 0; i < 4000; i++) writeFileSync(path.join(caller.cacheGrants, `${i}.grant`), 'x');
    const drv = await derivation(alice, caller);
    put(alice, caller, drv, grantText(drv, caller, [{ directory }]));
    expect((await build(alice, drv)).text).toContain('1000\n');
    for (let i = 0; i < 4000; i++) rmSync(path.join(caller.cacheGrants, `${i}.grant`));
    const hook = path.join(lab.prefix, 'lib/drydock/pre-build-hook');
    const text = path.join(lab.daemon.directory, 'huge.drv');
    const variables = `("a","${'x'.repeat(40 << 20)}"),("cacheMounts","[]")`;
    for (const huge of [
      `Derive([],[],[],"","",[],[${variables}])`,
      `Derive(${'['.repeat(1 << 20)}("cacheMounts","`,
      `("cacheMounts","${'\\'.repeat((1 << 20) + 1)}`,
    ]) {
      writeFileSync(text, huge);
      const begun = performance.now();
      const ended = spawnSync(hook, [text, `${text}.chroot`], { encoding: 'utf8' });
      expect([ended.status, ended.stdout]).toEqual([0, '']);
      expect(ended.stderr).toContain('no cache mount');
      expect(performance.now() - begun).toBeLessThan(2000);
    }
    // Nor does it cost the machine's memory, whatever the text is made of.
    const many = (one: string) => `[${Array.from({ length: 1 << 19 }, () => one).join(',')}]`;
    for (const [drvs, sources, environment] of [
      [many('("",[])'), '[]', '[("cacheMounts","")]'],
      ['[]', many('""'), '[("cacheMounts","")]'],
      ['[]', '[]', many('("cacheMounts","")').replace('"', '"a')],
    ]) {
      writeFileSync(text, `Derive([],${drvs},${sources},"","",[],${environment})`);
      const words = ['--as=100000000', hook, text, `${text}.chroot`];
      const ended = spawnSync('prlimit', words, { encoding: 'utf8' });
      expect(ended.stderr).toMatch(/no cache mount for .*(has no `owner`|stands there twice)/);
    }
  });

  test('a hook that is killed or missing fails no build', async () => {
    const caller = callerOf(alice);
    const program = path.join(lab.prefix, 'lib/drydock/drydock-hook');
    renameSync(program, `${program}.aside`);
    expect(await cold(alice, await derivation(alice, caller))).toContain('ended with 127');
    writeFileSync(program, '#!/bin/sh\nprintf "extra-sandbox-paths\\n/cach"; kill -9 $$\n', { mode: 0o755 });
    const { said } = await build(alice, await derivation(alice, caller));
    expect(said).toContain('ended with 137');
    renameSync(`${program}.aside`, program);
    await honest(alice);
  });

  test('what a hook leaves that is killed while its build runs', async () => {
    const { caller, directory } = await honest(alice);
    const builds = () => readFileSync(path.join(directory, 'builds'), 'utf8');
    const drv = await derivation(alice, caller, { script: 'sleep 2; echo slept >>$target/builds' });
    put(alice, caller, drv, grantText(drv, caller, [{ directory }]));
    const building = build(alice, drv);
    await expect.poll(() => builds().split('\n').length, { timeout: 10_000 }).toBe(3);
    const staying = processesOf(drv);
    expect(staying.map(({ uid }) => uid).toSorted((a, b) => a - b)).toEqual([0, alice.uid]);
    for (const { pid, uid } of staying) if (uid === 0) process.kill(pid, 'SIGKILL');
    await expect.poll(() => processesOf(drv)).toEqual([]);
    expect((await building).text).toContain('1000\n');
    expect(builds()).toContain('slept\n');
    const next = await derivation(alice, caller);
    put(alice, caller, next, grantText(next, caller, [{ directory }]));
    expect((await build(alice, next)).text).toContain('slept\n1000\n');
    await expect.poll(() => readdirSync('/run/drydock')).toEqual([]);
  });

  test('who holds the lock for ever delays a build, and no more', async () => {
    const { caller, directory } = await honest(alice);
    const lock = writeAs(alice, `${directory}.lock`, '');
    const holder = spawn('flock', [lock, 'sleep', '60']);
    try {
      const waiting = async () => {
        const drv = await derivation(alice, caller);
        put(alice, caller, drv, grantText(drv, caller, [{ directory }]).replace(' held ', ' lock '));
        return drv;
      };
      const begun = performance.now();
      expect(await cold(alice, await waiting())).toContain('is in use');
      expect(performance.now() - begun).toBeLessThan(10_000);
      // The process that waits is the owner's, who may end it.
      const drv = await waiting();
      const ended = cold(alice, drv);
      const its = await found(drv, alice.uid);
      expect(rightsOf(its)).toEqual(without(alice.uid));
      const kill = (signal: string) =>
        lab.as(alice, ['/bin/sh', '-c', `cat /proc/${its}/maps; kill -${signal} ${its}`]);
      expect((await kill('KILL')).stderr).toContain('Permission denied');
      expect(await ended).toContain('did not answer in time');
      await expect.poll(() => processesOf(drv)).toEqual([]);
      // Or stop it.
      const stopped = await waiting();
      const stays = cold(alice, stopped);
      const stopping = performance.now();
      const pid = await found(stopped, alice.uid);
      process.kill(pid, 'SIGSTOP');
      expect(await stays).toContain('no whole answer');
      expect(performance.now() - stopping).toBeLessThan(18_000);
      process.kill(pid, 'SIGKILL');
      await expect.poll(() => processesOf(stopped)).toEqual([]);
    } finally {
      holder.kill();
    }
  });

  test('a build user as owner: what any builder leaves would be a grant, and directories of builds those granted', async () => {
    const home = path.join(lab.daemon.directory, 'kept');
    const id = (flag: string) => Number(run('id', [flag, 'nixbld4']));
    const kept = { name: 'nixbld4', uid: id('-u'), gid: id('-g'), home };
    const directory = mkdirAs(kept, 'build');
    const caller = callerOf(kept);
    const drv = await derivation(bob, caller);
    put(kept, caller, drv, grantText(drv, caller, [{ directory }]));
    expect(await cold(bob, drv)).toContain(`uid ${kept.uid} is a build user`);
  });

  test('a process of a user’s that has got the number of the worker', async () => {
    // In its mount namespace `id` is a program of that user's.
    const proof = path.join(mkdirAs(alice, 'trap'), 'proof');
    const trap = writeAs(alice, 'trap/id', `#!/bin/sh\n/usr/bin/touch ${proof}\n`);
    chmodSync(trap, 0o755);
    const pool = writeAs(alice, 'trap/userpool/0', '');
    const script = 'mount --bind "$1" "$2" && exec 7<"$3" && echo ready && exec setpriv --reuid "$4" sleep 60';
    const words = [trap, run('which', ['id']).trim(), pool, `${alice.uid}`];
    const other = spawn('unshare', ['-m', '/bin/sh', '-c', script, 'sh', ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await new Promise((resolve) => other.stdout.once('data', resolve));
      const drv = await derivation(alice, callerOf(alice));
      const text = lab.daemon.address.root + drv;
      const program = path.join(lab.prefix, 'lib/drydock/drydock-hook');
      const ended = spawnSync(program, [`${other.pid}`, drv, text, lab.limits], { encoding: 'utf8' });
      expect(existsSync(proof)).toBe(false);
      expect(ended.stderr).toContain('the worker does not run this hook');
    } finally {
      other.kill('SIGKILL');
    }
  });

  test('zero bytes in what is read, and a reason without end', () => {
    const program = path.join(lab.prefix, 'lib/drydock/drydock-hook');
    const text = path.join(lab.daemon.directory, 'forged.drv');
    const said = (owner: string, mounts: string) => {
      const variables = `("cacheGrants","/g"),("cacheMounts","${mounts}"),("owner","${owner}"),("scope","")`;
      writeFileSync(text, `Derive([],[],[],"","",[],[${variables}])`);
      return spawnSync(program, [`${process.pid}`, text, text, lab.limits], { encoding: 'utf8' }).stderr;
    };
    const mount = (id: string) => String.raw`[{\"id\":\"${id}\",\"target\":\"/c\",\"sharing\":\"shared\",\"ro\":true}]`;
    const fields = [`${alice.uid}`, 'scope', '/grants', '', 'view', '/seen', 'any-path-of-the-store', ''];
    expect(said(fields.join('\0'), mount('x'))).toContain('no `owner`');
    const long = said(`${alice.uid}`, mount('x'.repeat(1 << 20)));
    expect(long).toContain('no cache mount');
    expect(long.length).toBeLessThan(5000);
  });

  test('who reads a derivation is nobody', async () => {
    const drv = await derivation(alice, callerOf(alice));
    const text = path.join(lab.daemon.directory, 'never.drv');
    run('mkfifo', ['-m', '644', text]);
    const open = openSync(text, 'r+');
    const program = path.join(lab.prefix, 'lib/drydock/drydock-hook');
    // With something open that is root's.
    const words = ['-c', 'exec "$@" 7</etc/shadow', 'sh', program, `${process.pid}`, drv, text, lab.limits];
    const hook = spawn('/bin/sh', words, { stdio: ['ignore', 'pipe', 'pipe'] });
    const said = streamText(hook.stderr);
    const printed = streamText(hook.stdout);
    const reader = await found(drv, 65534);
    expect(rightsOf(reader)).toEqual(without(65534));
    const opened = readdirSync(`/proc/${reader}/fd`).map((fd) => readlinkSync(`/proc/${reader}/fd/${fd}`));
    const known = ['/dev/null', text, path.dirname(text)];
    expect(opened.filter((file) => !known.includes(file) && !file.startsWith('socket:'))).toEqual([]);
    process.kill(reader, 'SIGKILL');
    expect(await said).toContain('did not answer in time');
    expect(await printed).toBe('');
    closeSync(open);
  });
}

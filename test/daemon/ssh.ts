/** `ssh-ng://`: a daemon behind a real sshd on this machine, with a store of its own. For any version of Nix. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { daemonAddress } from '../../src/engine/daemon/address.ts';
import { Dialer } from '../../src/engine/daemon/dialer.ts';
import { type DaemonEngine, daemonEngine } from '../../src/engine/daemon/engine.ts';
import { type Launch, type TestDaemon, startDaemon } from './daemon.ts';
import { makeGoals, realise, textSource } from '../engine/helpers.ts';

export function sshSuite(launch: Launch): void {
  let daemon: TestDaemon;
  let server: ChildProcess;
  let engine: DaemonEngine;
  let port: number;
  const sshd = '/usr/sbin/sshd';
  const nixDaemon = () => launch.tool('nix-daemon')[0] ?? '';

  beforeAll(async () => {
    if (!existsSync(sshd)) throw new Error('this test needs the Debian package openssh-server');
    daemon = await startDaemon([], launch);
    const at = (name: string) => path.join(daemon.directory, name);
    for (const key of ['host', 'user']) spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(key)]);
    writeFileSync(at('authorized'), readFileSync(at('user.pub')));
    chmodSync(at('authorized'), 0o600);
    mkdirSync('/run/sshd', { recursive: true });
    // What a login of the other machine has in its profile.
    const wrapper = `#!/bin/sh\nNIX_REMOTE='${daemon.remote}' exec ${nixDaemon()} "$@"\n`;
    writeFileSync(at('nix-daemon'), wrapper, { mode: 0o755 });
    port = await freePort();
    const options = [
      `HostKey=${at('host')}`,
      `AuthorizedKeysFile=${at('authorized')}`,
      `PidFile=${at('pid')}`,
      'PermitRootLogin=prohibit-password',
      'StrictModes=no',
      'UsePAM=no',
    ];
    const args = ['-D', '-e', '-f', '/dev/null', '-p', String(port), '-o', 'ListenAddress=127.0.0.1'];
    server = spawn(sshd, [...args, ...options.flatMap((option) => ['-o', option])], { stdio: 'ignore' });
    await sleep(500);
    const address = daemonAddress({
      NIX_REMOTE: `ssh-ng://root@127.0.0.1:${port}?remote-program=${at('nix-daemon')}&ssh-key=${at('user')}`,
      NIX_SSHOPTS: sshOptions(),
    });
    engine = daemonEngine({ dialer: new Dialer(address), stateDirectory: at('state') });
  });
  afterAll(async () => {
    engine.close();
    server.kill();
    await daemon.remove();
  });

  function sshOptions(): string {
    const known = path.join(daemon.directory, 'known');
    return `-o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=${known} -o LogLevel=ERROR`;
  }

  function freePort(): Promise<number> {
    return new Promise((resolve) => {
      const probe = createServer().listen(0, '127.0.0.1', () => {
        const address = probe.address();
        probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
      });
    });
  }

  test('sources go there, logs and outputs come back', async () => {
    const text = textSource('text', 'from here\n');
    const goals = makeGoals({
      base: {
        script: `echo building; mkdir -p $out/deep; cat ${text.path} > $out/deep/file; ln -s deep $out/link`,
        sources: [text],
      },
      top: { script: 'cat $base/link/file > $out; echo "#!" >> $out; chmod +x $out', needs: { base: 'whole' } },
    });
    const source = { goals: () => goals, inspect: () => Promise.resolve('accept' as const) };
    const first = await realise(engine, source);
    expect([...first.outcomes.values()].map(({ status }) => status)).toEqual(['built', 'built']);
    expect(first.log('base')).toEqual(['building']);
    const base = engine.hostPath(goals.get('base')?.sealed.outPath ?? ('' as never));
    expect(readFileSync(path.join(base, 'link/file'), 'utf8')).toBe('from here\n');
    const again = await realise(engine, source);
    expect(again.events).toEqual([]);

    rmSync(base, { recursive: true });
    const fetched = await realise(engine, source);
    expect(fetched.outcomes.get('base')?.status).not.toBe('built');
  });

  test('a name that is not UTF-8 does not come back: the goal has failed and says why', async () => {
    const goals = makeGoals({
      named: { script: `mkdir -p $out/d; : > $out/d/$(printf 'a\\377')` },
      linked: { script: `mkdir $out; ln -s $(printf 'a\\377') $out/b` },
    });
    for (let round = 0; round < 2; round++) {
      const { outcomes } = await realise(engine, { goals: () => goals, inspect: () => Promise.resolve('accept') });
      const failed = (message: string) => ({
        status: 'failed',
        reason: { kind: 'input', code: 'D0506', message: expect.stringContaining(message) as string },
      });
      expect(outcomes.get('named')).toEqual(failed('d/a\ufffd has a name that is not UTF-8'));
      expect(outcomes.get('linked')).toEqual(failed('b is a symlink to a name that is not UTF-8'));
    }
    const copies = readdirSync(path.join(daemon.directory, 'state/copies'));
    expect(copies.filter((name) => !/-(base|top)$/.test(name))).toEqual([]);
  });

  test('the pure lane uses the remote builder that the daemon of this machine has, the dev lane does not', async () => {
    const key = path.join(daemon.directory, 'user');
    // A remote builder must trust those who send it derivations: root, as on a builder set up by the manual.
    const program = path.join(daemon.directory, 'trusting');
    const configuration = path.join(daemon.directory, 'etc');
    writeFileSync(program, `#!/bin/sh\nNIX_CONF_DIR='${configuration}' exec ${nixDaemon()} "$@"\n`, { mode: 0o755 });
    const builder = `ssh-ng://root@127.0.0.1?remote-program=${program} x86_64-linux ${key} 2 1`;
    const local = await startDaemon([`builders = ${builder}`, 'builders-use-substitutes = false'], launch, {
      NIX_SSHOPTS: `-p ${port} ${sshOptions()}`,
    });
    const client = daemonEngine({
      dialer: new Dialer(local.address),
      stateDirectory: path.join(local.directory, 'state'),
    });
    try {
      const goals = makeGoals({
        first: { script: 'echo far; echo away > $out' },
        second: { script: 'cat $first > $out', needs: { first: 'whole' } },
        // As `plan` writes units of the dev lane.
        own: { script: 'cat $second > $out', needs: { second: 'whole' }, lane: 'dev', env: { preferLocalBuild: '1' } },
      });
      const built = { status: 'built' };
      const build = await realise(client, { goals: () => goals, inspect: () => Promise.resolve('accept') });
      expect([...build.outcomes.values()]).toMatchObject([built, built, built]);
      expect(build.log('first')).toContain('far');
      // The other store has built it: it knows the derivation that made it.
      const { outPath } = goals.get('second')?.sealed ?? ({} as never);
      expect(daemon.nix('nix-store', '--check-validity', outPath)).toBe('');
      expect(readFileSync(client.hostPath(outPath), 'utf8')).toBe('away\n');
      const own = goals.get('own')?.sealed.outPath ?? ('' as never);
      expect(readFileSync(client.hostPath(own), 'utf8')).toBe('away\n');
      expect(() => daemon.nix('nix-store', '--check-validity', own)).toThrow(/is not valid/);
    } finally {
      client.close();
      await local.remove();
    }
  });

  test('a host that does not answer', async () => {
    const nowhere = daemonEngine({
      dialer: new Dialer(daemonAddress({ NIX_REMOTE: 'ssh-ng://127.0.0.1:1', NIX_SSHOPTS: '-o BatchMode=yes' })),
      stateDirectory: path.join(daemon.directory, 'nowhere'),
    });
    await expect(nowhere.info(textSource('x', 'x').path)).rejects.toMatchObject({ code: 'D0601' });
    nowhere.close();
  });
}

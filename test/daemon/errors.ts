/** What goes wrong between drydock and a daemon: a clear error, nothing lost, the next build right. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type Server, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { daemonAddress } from '../../src/engine/daemon/address.ts';
import { Dialer } from '../../src/engine/daemon/dialer.ts';
import { type DaemonEngine, daemonEngine } from '../../src/engine/daemon/engine.ts';
import type { Goal } from '../../src/engine/types.ts';
import { sourcePath } from '../../src/nix/store-path.ts';
import type { Sha256 } from '../../src/nix/types.ts';
import { type BuildOptions, makeGoals, realise } from '../engine/helpers.ts';
import { type Launch, type TestDaemon, startDaemon } from './daemon.ts';

export function errorSuite(launch: Launch): void {
  let directory: string;
  const closing: (() => unknown)[] = [];

  beforeAll(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'drydock-errors-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
  });

  function engineOf(socket: string, root = ''): DaemonEngine {
    const engine = daemonEngine({
      dialer: new Dialer({ kind: 'unix', socket, root }),
      stateDirectory: path.join(directory, 'state'),
    });
    closing.push(() => engine.close());
    return engine;
  }

  async function daemonWith(...lines: string[]): Promise<TestDaemon> {
    const daemon = await startDaemon(lines, launch);
    closing.push(() => daemon.remove());
    return daemon;
  }

  function build(engine: DaemonEngine, goals: ReadonlyMap<string, Goal>, options: BuildOptions = {}) {
    return realise(engine, { goals: () => goals, inspect: () => Promise.resolve('accept') }, options);
  }

  const trivial = makeGoals({ trivial: { script: 'echo fine > $out' } });

  /** Something that is no daemon of today: no such thing can be installed here. */
  async function serve(name: string, answer: (chunk: Buffer) => Buffer | null): Promise<string> {
    const socket = path.join(directory, name);
    const server: Server = createServer((client) => {
      client.on('error', () => {});
      client.once('data', (chunk) => {
        const bytes = answer(chunk);
        if (bytes === null) client.destroy();
        else client.write(bytes);
      });
    });
    await new Promise<void>((resolve) => void server.listen(socket, resolve));
    closing.push(() => server.close());
    return socket;
  }

  function numbers(...values: number[]): Buffer {
    const bytes = Buffer.alloc(values.length * 8);
    values.forEach((value, index) => bytes.writeBigUInt64LE(BigInt(value), index * 8));
    return bytes;
  }

  test('no daemon at the address', async () => {
    await expect(build(engineOf(path.join(directory, 'nobody')), trivial)).rejects.toMatchObject({ code: 'D0601' });
  });

  test('a store of one’s own that cannot be: the words of Nix', async () => {
    const address = { kind: 'own', store: '/proc/nowhere', root: '/proc/nowhere' } as const;
    const engine = daemonEngine({ dialer: new Dialer(address), stateDirectory: path.join(directory, 'own') });
    closing.push(() => engine.close());
    const ended = build(engine, trivial);
    await expect(ended).rejects.toMatchObject({ code: 'D0601' });
    await expect(ended).rejects.toThrow(/it said: .*\/proc\/nowhere/);
  });

  test('something else than a daemon at the address', async () => {
    const socket = await serve('other', () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await expect(build(engineOf(socket), trivial)).rejects.toMatchObject({ code: 'D0601' });
  });

  test('a protocol that is too old, or of the next generation', async () => {
    const daemonMagic = 0x6478696f;
    const old = await serve('old', () => numbers(daemonMagic, 0x114));
    await expect(build(engineOf(old), trivial)).rejects.toMatchObject({ code: 'D0603' });
    const next = await serve('next', () => numbers(daemonMagic, 0x201));
    await expect(build(engineOf(next), trivial)).rejects.toMatchObject({ code: 'D0603' });
  });

  test('a daemon that turns this user away', async () => {
    const daemon = await daemonWith('allowed-users = drydock-nobody');
    await expect(build(engineOf(daemon.address.socket), trivial)).rejects.toMatchObject({ code: 'D0605' });
  });

  test('a store that is reached without a daemon', () => {
    expect(() => daemonAddress({ NIX_REMOTE: 'https://cache.example' })).toThrow(/D0608/);
    expect(daemonAddress({ NIX_REMOTE: 'local?root=/one/' })).toEqual({
      kind: 'own',
      store: 'local?root=/one/',
      root: '/one',
    });
    expect(daemonAddress({ NIX_REMOTE: '/one' })).toMatchObject({ kind: 'own', root: '/one' });
    expect(daemonAddress({ NIX_REMOTE: 'local' })).toMatchObject({ kind: 'own', root: '' });
    expect(daemonAddress({ NIX_REMOTE: 'ssh-ng://me@there:2222?remote-program=/opt/nix-daemon' })).toEqual({
      kind: 'ssh',
      program: 'ssh',
      args: ['-p', '2222', 'me@there', '--', '/opt/nix-daemon', '--stdio'],
      host: 'me@there',
    });
  });

  test('a daemon that is stopped in the middle of a build: what was finished stays, the next build is right', async () => {
    const daemon = await daemonWith();
    const { socket, root } = daemon.address;
    const goals = makeGoals({
      first: { script: 'echo first > $out' },
      second: { script: 'echo here; sleep 2; cat $first > $out', needs: { first: 'whole' } },
    });
    const stops: Promise<void>[] = [];
    const ended = build(engineOf(socket, root), goals, {
      onEvent: (event) => {
        if (event.type === 'line' && event.key === 'second') stops.push(daemon.stop());
      },
    });
    await expect(ended).rejects.toMatchObject({ code: 'D0602' });
    await Promise.all(stops);
    await daemon.start();
    const again = await build(engineOf(socket, root), goals);
    expect([...again.outcomes].map(([key, { status }]) => `${key} ${status}`)).toEqual(['first valid', 'second built']);
  });

  test('a sandbox without the tools of the host: the line that is missing in nix.conf', async () => {
    const daemon = await daemonWith('sandbox-paths =');
    const ended = build(engineOf(daemon.address.socket, daemon.address.root), trivial);
    await expect(ended).rejects.toThrow(/D0606[^]*extra-sandbox-paths = \/bin \/usr/);
  });

  test('a store that is full', async () => {
    const daemon = await daemonWith();
    const { root, socket } = daemon.address;
    await daemon.stop();
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'drydock-test', root]);
    expect(mounted.status).toBe(0);
    closing.push(async () => {
      await daemon.stop();
      spawnSync('umount', [root]);
    });
    await daemon.start();
    const large = path.join(directory, 'large');
    writeFileSync(large, Buffer.alloc(40_000_000, 1));
    const source = {
      kind: 'tree',
      path: sourcePath('large', '0'.repeat(64) as Sha256),
      files: new Map([['large', large]]),
    } as const;
    const goals = makeGoals({ user: { script: 'echo > $out', sources: [source] } });
    await expect(build(engineOf(socket, root), goals)).rejects.toMatchObject({ code: 'D0604' });
    const filling = makeGoals({ filling: { script: 'head -c 40000000 /dev/zero > $out' } });
    await expect(build(engineOf(socket, root), filling)).rejects.toMatchObject({ code: 'D0604' });
    expect((await build(engineOf(socket, root), trivial)).outcomes.get('trivial')?.status).toBe('built');
  });

  test('what only the daemon can say: an output that is not there, a root that cannot be registered', async () => {
    const daemon = await daemonWith();
    const { socket, root } = daemon.address;
    const engine = engineOf(socket, root);
    const { outcomes } = await build(engine, makeGoals({ nothing: { script: ':' } }));
    const because = { kind: 'input', code: 'D0610', message: expect.stringContaining('output') as string };
    expect(outcomes.get('nothing')).toEqual({ status: 'failed', reason: because });
    await build(engine, trivial);
    const auto = path.join(root, 'nix/var/nix/gcroots/auto');
    rmSync(auto, { recursive: true, force: true });
    writeFileSync(auto, '');
    const { outPath } = trivial.get('trivial')?.sealed ?? ({} as never);
    const kept = engine.keep(path.join(daemon.directory, 'link'), new Map([['trivial', outPath]]));
    await expect(kept).rejects.toMatchObject({ code: 'D0607' });
  });

  test('a source that cannot be read any more', async () => {
    const daemon = await daemonWith();
    const { socket, root } = daemon.address;
    mkdirSync(path.join(directory, 'gone'), { recursive: true });
    const files = new Map([['file', path.join(directory, 'gone/file')]]);
    const source = { kind: 'tree', path: sourcePath('tree', '1'.repeat(64) as Sha256), files } as const;
    const goals = makeGoals({ user: { script: 'echo > $out', sources: [source] } });
    await expect(build(engineOf(socket, root), goals)).rejects.toMatchObject({ code: 'D0609' });
  });
}

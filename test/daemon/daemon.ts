/**
 * A stock Nix daemon for a test: the machine's own `nix-daemon` (Debian package `nix-bin`), with a configuration, a
 * socket and a store of its own. The sandbox, the build users and the rules for users who are not trusted are the real
 * ones, so the daemon runs as root.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DaemonAddress } from '../../src/engine/daemon/address.ts';

export interface TestDaemon {
  readonly directory: string;
  readonly address: Extract<DaemonAddress, { kind: 'unix' }>;
  /** `NIX_REMOTE` for Nix's own tools and for drydock. */
  readonly remote: string;
  /** Version of Nix. */
  readonly version: string;
  /** Runs a tool of Nix as a client of the daemon; its standard output. */
  nix(program: string, ...args: readonly string[]): string;
  /** What the daemon has written to its log. */
  log(): string;
  /** The processes of the daemon end, as when it is stopped. */
  stop(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

/** Lines of nix.conf beside those that make the daemon a stock one whom this user is not trusted by. */
export async function startDaemon(
  lines: readonly string[] = [],
  launch = stock,
  environment: Readonly<Record<string, string>> = {},
): Promise<TestDaemon> {
  if (process.getuid?.() !== 0) throw new Error('a multi-user daemon needs root: run these tests as root');
  makeBuildUsers();
  const directory = mkdtempSync(path.join(tmpdir(), 'drydock-daemon-'));
  chmodSync(directory, 0o755);
  const at = (name: string) => path.join(directory, name);
  const root = at('root');
  mkdirSync(root);
  mkdirSync(at('etc'));
  const configuration = [
    'experimental-features = nix-command',
    'build-users-group = nixbld',
    'sandbox = true',
    `sandbox-paths = /bin /usr /lib /lib64 ${launch.sandboxPaths}`,
    'substituters =',
    'trusted-users = drydock-nobody',
    `store = local?root=${root}`,
    ...launch.configuration,
    ...lines,
  ];
  writeFileSync(at('etc/nix.conf'), configuration.map((line) => `${line}\n`).join(''));
  const socket = at('socket');
  const env = {
    PATH: process.env['PATH'],
    HOME: directory,
    NIX_CONF_DIR: at('etc'),
    NIX_DAEMON_SOCKET_PATH: socket,
    ...environment,
  };
  let child: ChildProcess | null = null;
  let said = '';
  const remote = `unix://${socket}?root=${root}`;
  const [program = '', ...args] = launch.tool('nix-daemon');
  const daemon: TestDaemon = {
    directory,
    address: { kind: 'unix', socket, root },
    remote,
    version: launch.version(),
    nix(tool, ...words) {
      const [name = '', ...before] = launch.tool(tool);
      const store = tool === 'nix-hash' ? [] : ['--store', remote];
      const ended = spawnSync(name, [...before, ...words, ...store], {
        env: { ...env, NIX_REMOTE: remote },
        encoding: 'utf8',
        maxBuffer: 1 << 28,
      });
      if (ended.status !== 0) throw new Error(`${tool} ${words.join(' ')}\n${ended.stderr}`);
      return ended.stdout;
    },
    log: () => said,
    async start() {
      rmSync(socket, { force: true });
      child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'], detached: true });
      child.stderr?.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
      for (let tries = 0; !isListening(socket); tries++) {
        if (tries > 500 || child.exitCode !== null) throw new Error(`the daemon did not start: ${said}`);
        await sleep(10);
      }
    },
    async stop() {
      const { pid } = child ?? {};
      if (child === null || pid === undefined) return;
      const gone = new Promise((resolve) => child?.once('close', resolve));
      child.kill('SIGTERM');
      // Each connection is a process of its own, in a session of its own: they hold the daemon's stderr.
      for (const worker of workersOf(socket)) if (worker !== process.pid) process.kill(worker, 'SIGKILL');
      await gone;
      child = null;
    },
    async remove() {
      await daemon.stop();
      spawnSync('chmod', ['-R', 'u+w', directory]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
  await daemon.start();
  return daemon;
}

/** The file of a socket is there a moment before anybody listens (proc(5): the flag `__SO_ACCEPTCON`). */
function isListening(socket: string): boolean {
  const lines = readFileSync('/proc/net/unix', 'utf8').split('\n');
  return lines.some((line) => line.endsWith(` ${socket}`) && line.split(' ')[3] === '00010000');
}

/** How a version of Nix is started. */
export interface Launch {
  /** Places beside those of a usual machine whose tools its builders use. */
  readonly sandboxPaths: string;
  /** Lines of nix.conf that it needs. */
  readonly configuration: readonly string[];
  /** Lines of its users' configuration, where no daemon's says it. */
  readonly settings: readonly string[];
  version(): string;
  /** The command line of one of its tools. */
  tool(name: string): readonly string[];
}

/** What `nix-bin` installs. */
export const stock: Launch = {
  sandboxPaths: existsSync('/etc/alternatives') ? '/etc/alternatives' : '',
  configuration: [],
  settings: [],
  version() {
    const told = spawnSync('nix', ['--version'], { encoding: 'utf8' });
    if (told.error !== undefined) throw new Error('these tests need the Debian package nix-bin');
    return told.stdout.trim().split(' ').at(-1) ?? '';
  },
  tool: (name) => [name],
};

/** Processes whose environment names the socket: the daemon and its workers. */
function workersOf(socket: string): number[] {
  const found = spawnSync('grep', ['-lasF', `NIX_DAEMON_SOCKET_PATH=${socket}`, '--', ...environments()], {
    encoding: 'utf8',
    maxBuffer: 1 << 24,
  });
  return found.stdout
    .split('\n')
    .map((file) => Number(file.split('/')[2]))
    .filter((pid) => pid > 0);
}

function environments(): string[] {
  return spawnSync('find', ['/proc', '-maxdepth', '2', '-name', 'environ'], { encoding: 'utf8' }).stdout.split('\n');
}

function makeBuildUsers(): void {
  if (spawnSync('getent', ['group', 'nixbld']).status === 0) return;
  spawnSync('groupadd', ['-r', 'nixbld']);
  for (let number = 1; number <= 4; number++) {
    const home = ['-d', '/var/empty', '-s', '/usr/sbin/nologin'];
    spawnSync('useradd', ['-r', '-g', 'nixbld', '-G', 'nixbld', ...home, `nixbld${number}`]);
  }
}

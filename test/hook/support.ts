/** A stock daemon with the hook installed by the command, and users whom it does not trust. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { type Launch, type TestDaemon, startDaemon, stock } from '../daemon/daemon.ts';
import { installInto } from '../installation.ts';

export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Mode 0700. */
  readonly home: string;
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Lab {
  readonly daemon: TestDaemon;
  readonly users: readonly [User, User];
  /** Programs and limits of the hook. */
  readonly prefix: string;
  readonly limits: string;
  /** Runs a program as a user, with `NIX_REMOTE` set. */
  as(user: User, words: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran>;
  /** `drydock …` as a user. */
  drydock(user: User, ...words: readonly string[]): Promise<Ran>;
  /** `drydock …` as root: installs and removes. */
  drydockAsRoot(...words: readonly string[]): Ran;
  installWords(): readonly string[];
  /** Directories with the tools of this Nix, where they are not the machine's. */
  readonly tools: readonly string[];
  /** Lines of a user's own configuration of Nix. */
  readonly settings: readonly string[];
  remove(): Promise<void>;
}

export async function openLab(launch: Launch = stock, lines: readonly string[] = []): Promise<Lab> {
  const prefix = mkdtempSync('/opt/drydock-hook-');
  chmodSync(prefix, 0o755);
  const program = installInto(prefix);
  const daemon = await startDaemon(lines, launch);
  const homes = path.join(daemon.directory, 'homes');
  mkdirSync(homes);
  const users = [makeUser('drydock-t1', homes), makeUser('drydock-t2', homes)] as const;
  const limits = path.join(prefix, 'hook.conf');
  const settings = ['experimental-features = nix-command', ...launch.settings];
  const tools = launch
    .tool('nix-daemon')
    .filter((each) => path.isAbsolute(each))
    .map((each) => path.dirname(each));
  const env = (user: User | null, more: Readonly<Record<string, string>> = {}) => ({
    PATH: [...tools, process.env['PATH'] ?? ''].join(':'),
    NIX_CONFIG: settings.join('\n'),
    HOME: user?.home ?? process.env['HOME'] ?? '',
    NIX_REMOTE: daemon.remote,
    RUSTUP_AUTO_INSTALL: '0',
    ...more,
  });
  const lab: Lab = {
    daemon,
    users,
    prefix,
    limits,
    as: (user, words, more) => runAs(user, words, env(user, more)),
    drydock: (user, ...words) => runAs(user, [process.execPath, program, ...words], env(user)),
    drydockAsRoot(...words) {
      const ended = spawnSync(process.execPath, [program, ...words], { encoding: 'utf8', env: env(null) });
      return { code: ended.status, stdout: ended.stdout, stderr: ended.stderr };
    },
    installWords: () => [
      ...['nix', 'install-hook', '--prefix', prefix, '--limits', limits],
      ...['--conf', path.join(daemon.directory, 'etc/nix.conf')],
    ],
    settings,
    tools,
    async remove() {
      await daemon.remove();
      rmSync(prefix, { recursive: true, force: true });
    },
  };
  return lab;
}

/** Installs the hook by the command and starts the daemon anew. */
export async function installHook(lab: Lab): Promise<void> {
  const done = lab.drydockAsRoot(...lab.installWords());
  if (done.code !== 0) throw new Error(done.stderr + done.stdout);
  await lab.daemon.stop();
  await lab.daemon.start();
}

function makeUser(name: string, homes: string): User {
  if (spawnSync('id', [name]).status !== 0) {
    spawnSync('useradd', ['-r', '-U', '-d', '/nonexistent', '-s', '/usr/sbin/nologin', name]);
  }
  const id = (flag: string) => Number(spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout);
  const user = { name, uid: id('-u'), gid: id('-g'), home: path.join(homes, name) };
  mkdirSync(user.home, { mode: 0o700 });
  chownSync(user.home, user.uid, user.gid);
  return user;
}

function runAs(user: User, words: readonly string[], env: Record<string, string>): Promise<Ran> {
  const [program = '', ...args] = words;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { uid: user.uid, gid: user.gid, cwd: user.home, env });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** A file of the user's. */
export function writeAs(user: User, file: string, text: string): string {
  const full = path.resolve(user.home, file);
  mkdirAs(user, path.dirname(full));
  writeFileSync(full, text);
  chownSync(full, user.uid, user.gid);
  return full;
}

export function mkdirAs(user: User, directory: string): string {
  const full = path.resolve(user.home, directory);
  const made = mkdirSync(full, { recursive: true });
  if (made !== undefined) run('chown', ['-R', `${user.uid}:${user.gid}`, made]);
  return full;
}

/** What is in the store of the daemon, at the path that a build has printed. */
export function outputText(lab: Lab, ran: Ran): string {
  if (ran.code !== 0) throw new Error(ran.stderr);
  return readFileSync(lab.daemon.address.root + ran.stdout.trim(), 'utf8');
}

/** Runs a program as root. */
export function run(program: string, words: readonly string[]): string {
  const ended = spawnSync(program, words, { encoding: 'utf8' });
  if (ended.status !== 0) throw new Error(`${program}: ${ended.error?.message ?? ended.stderr}`);
  return ended.stdout;
}

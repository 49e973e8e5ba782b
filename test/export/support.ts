/** Projects with an export, drydock as it is installed, and stock Nix with a store of its own. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../../src/sys/run.ts';
import { type Launch, stock } from '../daemon/daemon.ts';

const command = fileURLToPath(new URL('../../dist/drydock.mjs', import.meta.url));

type Environment = Readonly<Record<string, string>>;

export interface Nix {
  readonly directory: string;
  /** Runs a tool on the private store; its standard output. Rejects with its messages when it fails. */
  tool(name: string, args: readonly string[], cwd: string, environment: Environment): Promise<string>;
  /** Where a path of the store lies on the host. */
  real(storePath: string): string;
  remove(): Promise<void>;
}

export function openNix(launch: Launch = stock): Nix {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drydock-export-'));
  const at = (name: string) => path.join(directory, name);
  fs.mkdirSync(at('etc'));
  const lines = [
    'experimental-features = nix-command',
    'sandbox = true',
    'sandbox-paths = /bin /usr /lib /lib64 /etc/alternatives',
    'build-users-group =',
    'substituters =',
  ];
  fs.writeFileSync(at('etc/nix.conf'), lines.map((line) => `${line}\n`).join(''));
  return {
    directory,
    async tool(name, args, cwd, environment) {
      const env = { ...environment, NIX_CONF_DIR: at('etc'), XDG_CACHE_HOME: at('cache'), NIX_REMOTE: '' };
      const [program = '', ...before] = launch.tool(name);
      const ended = await run(program, [...before, ...args, '--store', at('store')], { cwd, env });
      if (ended.startError !== null)
        throw new Error(`${name} cannot be run: these tests need the Debian package nix-bin`);
      if (ended.code !== 0) throw new Error(`${name} ${args.join(' ')}\n${ended.stderr.toString()}`);
      return ended.stdout.toString();
    },
    real: (storePath) => path.join(at('store'), storePath),
    async remove() {
      // Store objects are read-only directories.
      await run('chmod', ['-R', 'u+w', directory]);
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A project with drydock's store beside it. */
export interface Place {
  readonly root: string;
  readonly environment: Environment;
}

/** Runs drydock in the project; standard output and error, and how it ended. */
export async function drydock(
  place: Place,
  ...args: readonly string[]
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await run(process.execPath, [command, ...args], {
    cwd: place.root,
    env: { ...place.environment, DRYDOCK_STORE: storeOf(place) },
  });
  return { code, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** `drydock export nix`, expected to succeed; what it says. */
export async function exported(place: Place, ...args: readonly string[]): Promise<string> {
  const { code, stderr } = await drydock(place, 'export', 'nix', ...args);
  if (code !== 0) throw new Error(stderr);
  return stderr;
}

/** Derivations that `drydock plan` shows, sorted. */
export async function planned(place: Place, ...args: readonly string[]): Promise<string[]> {
  const { code, stdout, stderr } = await drydock(place, 'plan', '--json', ...args);
  if (code !== 0) throw new Error(stderr);
  return (JSON.parse(stdout) as { drvPath: string }[]).map(({ drvPath }) => drvPath).sort();
}

/** Derivations that the export evaluates to, sorted. `mount`: as `drydock mount` asks, with more that it tells. */
export async function instantiated(nix: Nix, place: Place, mount: Environment | null = null): Promise<string[]> {
  const environment =
    mount === null ? place.environment : { ...place.environment, DRYDOCK_MOUNT: mountOf(place, mount) };
  const text = await nix.tool('nix-instantiate', [path.join(place.root, 'nix/default.nix')], place.root, environment);
  return text.trimEnd().split('\n').sort();
}

/** Every file of an export with its contents and the time of its last change. */
export function snapshot(place: Place): Record<string, readonly [text: string, changed: number]> {
  const directory = path.join(place.root, 'nix');
  const names = fs.readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
  return Object.fromEntries(
    names.flatMap((name) => {
      const file = path.join(directory, name);
      const stat = fs.statSync(file);
      return stat.isFile() ? [[name, [fs.readFileSync(file, 'utf8'), stat.mtimeMs]]] : [];
    }),
  );
}

function storeOf({ root }: Place): string {
  return path.join(path.dirname(root), 'drydock-store');
}

function mountOf(place: Place, more: Environment): string {
  const state = path.join(storeOf(place), 'nix/var/drydock');
  const scope = fs.readFileSync(path.join(state, 'scope'), 'utf8').trim();
  const cacheGrants = fs.realpathSync(path.join(state, 'grants'));
  return JSON.stringify({ owner: String(process.getuid?.() ?? 0), scope, cacheGrants, ...more });
}

/** `drydock doctor`: looks at what a build needs of this machine, one line each. */
import { defaultStoreRoot } from '../../store/format.ts';
import type { Finding } from './finding.ts';
import { coldBuilds, nixHook, nixTools } from './nix.ts';
import { sandbox } from './sandbox.ts';
import { store } from './store.ts';
import { versionOf } from './version.ts';

export interface DoctorOptions {
  /** Where the store is or would be; default as in `drydock help build`. */
  readonly store?: string;
  readonly print?: (line: string) => void;
}

/** Prints what was found, and gives the exit code: 1 when something necessary is missing. */
export async function doctor(options: DoctorOptions = {}): Promise<number> {
  const root = options.store ?? defaultStoreRoot();
  const print = options.print ?? ((line) => process.stdout.write(`${line}\n`));
  const findings = [
    node(process.versions.node),
    await cargo(),
    await rustc(),
    await linker(),
    ...(await sandbox()),
    ...(await store(root)),
    ...nixTools(),
    ...(await nixHook()),
    ...coldBuilds(root),
  ];
  const word = { ok: 'ok     ', note: 'note   ', missing: 'MISSING' };
  for (const { state, seen, todo } of findings) {
    print(`${word[state]}  ${seen}`);
    if (todo !== undefined) for (const line of todo.split('\n')) print(`         to do: ${line}`);
  }
  return findings.some((finding) => finding.state === 'missing') ? 1 : 0;
}

/** Whether `version` (`1.95.0`) is `[major, minor]` or newer. */
export function atLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [first = 0, second = 0] = version.split('.').map(Number);
  return first > major || (first === major && second >= minor);
}

function node(version: string): Finding {
  if (atLeast(version, [20, 19])) return { state: 'ok', seen: `node ${version}` };
  return { state: 'missing', seen: `node ${version} is too old`, todo: 'install Node 20.19 or newer' };
}

/** The oldest cargo whose unit graph, build-script directives and `--check-cfg` arguments are the ones that are planned for. */
const OLDEST_CARGO = [1, 82] as const;

const INSTALL_RUST = 'install Rust 1.82 or newer, for instance with rustup';

async function cargo(): Promise<Finding> {
  const version = await versionOf(process.env['CARGO'] ?? 'cargo', ['-V']);
  if ('why' in version) return { state: 'missing', seen: version.why, todo: INSTALL_RUST };
  if (atLeast(version.number, OLDEST_CARGO)) return { state: 'ok', seen: version.line };
  return { state: 'missing', seen: `${version.line} is too old`, todo: INSTALL_RUST };
}

async function rustc(): Promise<Finding> {
  const version = await versionOf(process.env['RUSTC'] ?? 'rustc', ['-V']);
  return 'why' in version
    ? { state: 'missing', seen: version.why, todo: INSTALL_RUST }
    : { state: 'ok', seen: version.line };
}

async function linker(): Promise<Finding> {
  const version = await versionOf('cc', ['--version']);
  if (!('why' in version)) return { state: 'ok', seen: `cc: ${version.line}` };
  const todo = 'sudo apt-get install gcc libc6-dev (or the C compiler of your system)';
  return { state: 'missing', seen: `${version.why}: rustc could not link`, todo };
}

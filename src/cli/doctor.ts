/** `drydock doctor`: looks at what a build needs of this machine, one line each. */
import { mkdtemp, copyFile, readFile, rm, stat, statfs, writeFile, constants } from 'node:fs/promises';
import * as path from 'node:path';
import { defaultStoreRoot } from '../store/format.ts';
import { run } from '../sys/run.ts';
import { nixHook, nixTools } from './doctor-nix.ts';

/** `missing` keeps a build from working, `note` is worth knowing. */
export interface Finding {
  readonly state: 'ok' | 'note' | 'missing';
  readonly seen: string;
  readonly todo?: string;
}

export interface DoctorOptions {
  /** Where the store is or would be; default as in `drydock help build`. */
  readonly store?: string;
  readonly print?: (line: string) => void;
}

/** Prints what was found, and gives the exit code: 1 when something necessary is missing. */
export async function doctor(options: DoctorOptions = {}): Promise<number> {
  const print = options.print ?? ((line) => process.stdout.write(`${line}\n`));
  const findings = [
    node(process.versions.node),
    await cargo(),
    await rustc(),
    await linker(),
    ...(await sandbox()),
    ...(await store(options.store ?? defaultStoreRoot())),
    ...(await nixTools()),
    ...(await nixHook()),
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

/** The first line that a program says of itself and the version in it, or why it says nothing. */
async function versionOf(
  program: string,
  args: readonly string[],
): Promise<{ line: string; number: string } | { why: string }> {
  const ended = await run(program, args);
  if (ended.startError?.code === 'ENOENT') return { why: `there is no ${program} on PATH` };
  const firstLine = (text: Buffer): string => text.toString().trim().split('\n')[0] ?? '';
  if (ended.code !== 0) {
    return { why: `${program} does not run: ${ended.startError?.message ?? firstLine(ended.stderr)}` };
  }
  const line = firstLine(ended.stdout);
  return { line, number: /\d+\.\d+(\.\d+)?/.exec(line)?.[0] ?? '0.0' };
}

/** bubblewrap, tried for real; where the trial fails, what the kernel says about user namespaces. */
async function sandbox(): Promise<Finding[]> {
  const version = await versionOf('bwrap', ['--version']);
  if ('why' in version) {
    const todo = 'sudo apt-get install bubblewrap (the package has this name in other distributions too)';
    return [{ state: 'missing', seen: `${version.why} (bubblewrap): there is no sandbox without it`, todo }];
  }
  const tried = await run('bwrap', TRIAL);
  if (tried.code === 0) return [{ state: 'ok', seen: `${version.line}: a sandbox can be made` }];
  const said = tried.stderr.toString().trim() || 'no message';
  return [{ state: 'missing', seen: `${version.line}: no sandbox can be made (${said})` }, ...(await userNamespaces())];
}

/** The namespaces and mounts that every unit's sandbox has. */
const TRIAL = [
  '--unshare-all',
  // Without this root makes do without a user namespace where it cannot have one; builders cannot.
  '--unshare-user',
  '--uid',
  '1000',
  '--gid',
  '100',
  '--ro-bind',
  '/',
  '/',
  '--proc',
  '/proc',
  '--dev',
  '/dev',
  '--tmpfs',
  '/tmp',
  '/bin/true',
];

async function userNamespaces(): Promise<Finding[]> {
  const found: Finding[] = [];
  const refuse = (seen: string, todo: string) => found.push({ state: 'missing', seen, todo });
  if ((await setting('kernel/apparmor_restrict_unprivileged_userns')) === '1') {
    refuse('AppArmor keeps unprivileged programs from making user namespaces', APPARMOR);
  }
  if ((await setting('kernel/unprivileged_userns_clone')) === '0') {
    refuse(
      'the kernel keeps unprivileged programs from making user namespaces',
      'sudo sysctl kernel.unprivileged_userns_clone=1',
    );
  }
  if ((await setting('user/max_user_namespaces')) === '0') {
    refuse('the kernel allows no user namespaces', 'sudo sysctl user.max_user_namespaces=15000');
  }
  if (found.length > 0) return found;
  const todo = 'in a container: allow it to make namespaces and to mount (its seccomp profile, or --privileged)';
  return [
    {
      state: 'note',
      seen: 'the settings of the kernel allow user namespaces: something around this process does not',
      todo,
    },
  ];
}

const APPARMOR = `write a profile for bwrap, then load it:
printf 'abi <abi/4.0>,\\ninclude <tunables/global>\\nprofile bwrap /usr/bin/bwrap flags=(unconfined) {\\n  userns,\\n}\\n' | sudo tee /etc/apparmor.d/bwrap
sudo apparmor_parser -r /etc/apparmor.d/bwrap`;

async function setting(name: string): Promise<string | null> {
  try {
    return (await readFile(`/proc/sys/${name}`, 'utf8')).trim();
  } catch {
    return null;
  }
}

/** Whether the store's place can be written, on what file system it is, and whether there is room. Leaves nothing behind. */
async function store(place: string): Promise<Finding[]> {
  const ancestor = await existing(path.resolve(place));
  let trial: string;
  try {
    trial = await mkdtemp(path.join(ancestor, '.drydock-doctor-'));
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    const todo = 'make it writable for you, or name another place with DRYDOCK_STORE';
    return [{ state: 'missing', seen: `store ${place}: cannot be written (${said})`, todo }];
  }
  try {
    const { type, bavail, bsize } = await statfs(trial);
    const fileSystem = FILE_SYSTEMS.get(type) ?? `file system 0x${type.toString(16)}`;
    const clones = await canClone(trial);
    const about = clones
      ? 'files can be cloned'
      : 'no file clones: state of a killed compiler that optimises is dropped, not rolled back';
    return [
      { state: 'ok', seen: `store ${place}: writable, ${fileSystem}, ${about}` },
      ...(REMOTE.has(fileSystem) ? [remote(fileSystem)] : []),
      room(bavail * bsize),
    ];
  } finally {
    await rm(trial, { recursive: true, force: true });
  }
}

function remote(fileSystem: string): Finding {
  const todo = 'name a place on a local disk with DRYDOCK_STORE';
  return { state: 'note', seen: `the store is on ${fileSystem}: slow, and locks between machines do not hold`, todo };
}

function room(bytes: number): Finding {
  const gib = bytes / 2 ** 30;
  const seen = `free space for the store: ${gib.toFixed(1)} GiB`;
  const todo = 'make room, or name another place with DRYDOCK_STORE';
  if (gib < 1) return { state: 'missing', seen, todo };
  return gib < 10 ? { state: 'note', seen: `${seen}; a store grows to about 10 GiB`, todo } : { state: 'ok', seen };
}

async function existing(place: string): Promise<string> {
  for (let at = place; ; at = path.dirname(at)) {
    const found = await stat(at).catch(() => null);
    if (found !== null || at === '/') return at;
  }
}

async function canClone(directory: string): Promise<boolean> {
  const original = path.join(directory, 'original');
  await writeFile(original, 'x'.repeat(8192));
  return copyFile(original, path.join(directory, 'clone'), constants.COPYFILE_FICLONE_FORCE).then(
    () => true,
    () => false,
  );
}

/** From the kernel's linux/magic.h. */
const FILE_SYSTEMS = new Map([
  [0xef53, 'ext4'],
  [0x9123683e, 'btrfs'],
  [0x58465342, 'xfs'],
  [0x01021994, 'tmpfs'],
  [0x794c7630, 'overlayfs'],
  [0x2fc12fc1, 'zfs'],
  [0xca451a4e, 'bcachefs'],
  [0xf2f52010, 'f2fs'],
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
]);
const REMOTE = new Set(['NFS', 'CIFS', 'SMB']);

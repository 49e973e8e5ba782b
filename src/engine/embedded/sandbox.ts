/** The sandbox of one builder as arguments for bubblewrap. What it is, line by line: docs/sandbox.md. */
import { lstatSync, readlinkSync } from 'node:fs';
import type { Derivation, StorePath } from '../../nix/types.ts';

export interface Bind {
  readonly from: string;
  readonly to: string;
}

export interface SandboxRequest {
  readonly derivation: Derivation;
  readonly outPath: StorePath;
  /** Host directory that becomes `$out`. */
  readonly outDirectory: string;
  /** Host directory that becomes `/nix/store`: the closure, and an empty directory or file for each bind below it. */
  readonly stage: string;
  /** Host directory with the files of `/etc`. */
  readonly etc: string;
  /** Store paths that are bound where they lie instead of being in the stage. */
  readonly storeBinds: readonly Bind[];
  /** Host directory that becomes `/build/deps`; null: the builder fills it. */
  readonly dependencies: string | null;
  readonly views: readonly Bind[];
  readonly mounts: readonly (Bind & { readonly ro: boolean })[];
  /** Host path of the job tokens' fifo; null: none. */
  readonly jobserver: string | null;
  /** Host file with the value of each variable that the derivation passes as a file. */
  readonly attributeFiles: ReadonlyMap<string, string>;
  /** `$out` as seen through a cache mount; null: `$out` itself is used. */
  readonly outInMount: string | null;
  readonly cores: number;
  /** Number of the descriptor from which bubblewrap reads the system-call filter; null: none. */
  readonly seccompFd: number | null;
  readonly isolation: Isolation;
}

/** `mounts-only` (`DRYDOCK_SANDBOX=off`): places are as in the sandbox, but the host can be seen. For benchmarks alone. */
export type Isolation = 'full' | 'mounts-only';

export interface SandboxCommand {
  readonly args: readonly string[];
  /** The whole environment of the process. */
  readonly env: Readonly<Record<string, string>>;
}

const jobserverPlace = '/build/.jobserver';
/** Variables that would change what bubblewrap itself, outside of the sandbox, loads. They are set by it, inside. */
const loaderVariable = /^(?:LD_|GCONV_PATH$|GLIBC_TUNABLES$|LOCPATH$)/;

/** Arguments and environment for one run of bubblewrap. Reads only the symlinks at the top of the host's file system. */
export function sandboxCommand(request: SandboxRequest): SandboxCommand {
  const { derivation } = request;
  const env: Record<string, string> = {};
  const args = request.isolation === 'full' ? isolated(request) : mountsOnly();

  args.push('--tmpfs', '/build', '--perms', '0755', '--dir', '/nix', '--ro-bind', request.stage, '/nix/store');
  for (const bind of request.storeBinds) args.push('--ro-bind', bind.from, bind.to);
  if (request.dependencies !== null) args.push('--ro-bind', request.dependencies, '/build/deps');
  args.push('--bind', request.outDirectory, request.outPath);
  for (const view of request.views) args.push('--ro-bind', view.from, view.to);
  for (const mount of request.mounts) args.push(mount.ro ? '--ro-bind' : '--bind', mount.from, mount.to);
  if (request.jobserver !== null) args.push('--bind', request.jobserver, jobserverPlace);
  for (const [name, file] of request.attributeFiles) args.push('--ro-bind', file, attributePlace(name));
  // Nothing under /proc: to root's processes the files of /proc/sys belong, and would let them out of any sandbox.
  if (request.isolation === 'full') args.push('--remount-ro', '/proc', '--remount-ro', '/');
  if (request.seccompFd !== null) args.push('--seccomp', String(request.seccompFd));

  for (const [name, value] of Object.entries(environmentOf(request))) {
    if (loaderVariable.test(name)) args.push('--setenv', name, value);
    else env[name] = value;
  }
  args.push('--chdir', '/build', '--', derivation.builder, ...derivation.args);
  return { args, env };
}

/** Names in the derivation's `passAsFile` that it has variables of. */
export function passedAsFile(derivation: Derivation): readonly string[] {
  const names = (derivation.env['passAsFile'] ?? '').split(/\s+/);
  return names.filter((name) => name !== '' && derivation.env[name] !== undefined);
}

function attributePlace(name: string): string {
  return `/build/.attr-${name}`;
}

/** What Nix sets, in its order: the first four give way to the derivation, the rest does not. */
function environmentOf(request: SandboxRequest): Record<string, string> {
  const own: Record<string, string> = { ...request.derivation.env };
  for (const name of request.attributeFiles.keys()) {
    delete own[name];
    own[`${name}Path`] = attributePlace(name);
  }
  return {
    PATH: '/path-not-set',
    HOME: '/homeless-shelter',
    NIX_STORE: '/nix/store',
    NIX_BUILD_CORES: String(request.cores),
    ...own,
    NIX_BUILD_TOP: '/build',
    TMPDIR: '/build',
    TEMPDIR: '/build',
    TMP: '/build',
    TEMP: '/build',
    PWD: '/build',
    NIX_LOG_FD: '2',
    TERM: 'xterm-256color',
    ...(request.jobserver === null ? {} : { DRYDOCK_JOBSERVER: jobserverPlace }),
    ...(request.dependencies === null ? {} : { DRYDOCK_DEPS: '1' }),
    ...(request.outInMount === null ? {} : { DRYDOCK_OUT: request.outInMount }),
  };
}

/** Options without places: namespaces, identity, and that nothing outlives bubblewrap. */
const isolation = [
  '--unshare-user --uid 1000 --gid 100 --unshare-pid --unshare-ipc --unshare-net --unshare-cgroup-try',
  '--unshare-uts --hostname localhost --die-with-parent --new-session --cap-drop ALL',
].flatMap((line) => line.split(' '));

function isolated(request: SandboxRequest): string[] {
  const args = [...isolation, '--ro-bind', '/usr', '/usr'];
  for (const place of ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32']) args.push(...topLevel(place));
  args.push('--ro-bind', request.etc, '/etc');
  for (const place of ['/etc/alternatives', '/etc/ld.so.cache']) args.push('--ro-bind-try', place, place);
  args.push('--dev', '/dev', '--proc', '/proc');
  for (const place of ['/dev/shm', '/tmp']) args.push('--perms', '1777', '--tmpfs', place);
  args.push('--remount-ro', '/dev');
  return args;
}

function mountsOnly(): string[] {
  return ['--unshare-user', '--die-with-parent', '--tmpfs', '/', ...hostTop(), '--dev-bind', '/dev', '/dev'];
}

/** A place of the host that may be a symlink into /usr (merged systems), a directory, or not there. */
function topLevel(place: string): readonly string[] {
  const stat = lstatSync(place, { throwIfNoEntry: false });
  if (stat === undefined) return [];
  return stat.isSymbolicLink() ? ['--symlink', readlinkSync(place), place] : ['--ro-bind', place, place];
}

/** All that lies at the top of the host but what the sandbox has in its place. */
function hostTop(): readonly string[] {
  const args: string[] = [];
  for (const name of ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32']) args.push(...topLevel(`/${name}`));
  for (const name of ['etc', 'home', 'mnt', 'opt', 'proc', 'root', 'run', 'srv', 'sys', 'tmp', 'usr', 'var']) {
    if (lstatSync(`/${name}`, { throwIfNoEntry: false }) !== undefined) args.push('--bind-try', `/${name}`, `/${name}`);
  }
  return args;
}

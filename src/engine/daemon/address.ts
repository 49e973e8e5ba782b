/** Where the daemon is: what `NIX_REMOTE` may say (Nix manual: "Store types"). */
import { UserError } from '../../sys/errors.ts';

export type DaemonAddress =
  /** `root`: directory that stands before `/nix/store` on this machine, mostly empty. */
  | { readonly kind: 'unix'; readonly socket: string; readonly root: string }
  /** A store of this user's own, served by a process of this user's, which trusts them. `store`: as `NIX_REMOTE` names it. */
  | { readonly kind: 'own'; readonly store: string; readonly root: string }
  /** A daemon at the other end of `ssh`: its store is not on this machine. */
  | { readonly kind: 'ssh'; readonly program: string; readonly args: readonly string[]; readonly host: string };

type Environment = Readonly<Record<string, string | undefined>>;

const stockSocket = '/nix/var/nix/daemon-socket/socket';

/**
 * The address by `NIX_REMOTE` (`daemon`, `unix://PATH[?root=DIR]`, `ssh-ng://[USER@]HOST[:PORT][?remote-program=…&ssh-key=…]`,
 * `local[?root=DIR]` or a directory: without a daemon; not set: `daemon`) and `NIX_DAEMON_SOCKET_PATH`. Throws `UserError` D0608 for any other store.
 */
export function daemonAddress(environment: Environment): DaemonAddress {
  const remote = environment['NIX_REMOTE'] ?? '';
  const socket = environment['NIX_DAEMON_SOCKET_PATH'] ?? stockSocket;
  if (remote === '' || remote === 'daemon' || remote === 'auto') return { kind: 'unix', socket, root: '' };
  const own = ownStore(remote);
  if (own !== null) return own;
  const [, scheme = '', place = '', query = ''] = /^([a-z-]+):\/\/([^?]*)(?:\?(.*))?$/s.exec(remote) ?? [];
  const parameters = new URLSearchParams(query);
  if (scheme === 'unix') {
    const root = withoutSlash(parameters.get('root') ?? '');
    return { kind: 'unix', socket: place === '' ? socket : place, root };
  }
  if (scheme === 'ssh-ng' && place !== '' && !place.startsWith('-')) return overSsh(place, parameters, environment);
  throw new UserError(
    'D0608',
    `NIX_REMOTE names a store that is not reached through a daemon: ${remote}`,
    'unset NIX_REMOTE, or set it to daemon, unix://SOCKET, ssh-ng://HOST, or to local or a directory for a store of your own',
  );
}

function ownStore(remote: string): DaemonAddress | null {
  if (remote.startsWith('/')) return { kind: 'own', store: remote, root: withoutSlash(remote) };
  const found = /^local(?::\/\/)?(?:\?(.*))?$/s.exec(remote);
  if (found === null) return null;
  return { kind: 'own', store: remote, root: withoutSlash(new URLSearchParams(found[1] ?? '').get('root') ?? '') };
}

function withoutSlash(directory: string): string {
  return directory.replace(/\/+$/, '');
}

/** What stands before `/nix/store` on this machine; null: the store is on another one. */
export function rootOf(address: DaemonAddress): string | null {
  return address.kind === 'ssh' ? null : address.root;
}

function overSsh(place: string, parameters: URLSearchParams, environment: Environment): DaemonAddress {
  const [, host = place, port] = /^(.*?)(?::(\d+))?$/.exec(place) ?? [];
  const key = parameters.get('ssh-key');
  const options = (environment['NIX_SSHOPTS'] ?? '').split(/\s+/).filter((word) => word !== '');
  const args = [
    ...options,
    ...(key === null ? [] : ['-i', key]),
    ...(port === undefined ? [] : ['-p', port]),
    host,
    '--',
    parameters.get('remote-program') ?? 'nix-daemon',
    '--stdio',
  ];
  return { kind: 'ssh', program: 'ssh', args, host };
}

/** The address as people write it. */
export function describeAddress(address: DaemonAddress): string {
  switch (address.kind) {
    case 'unix':
      return address.socket;
    case 'own':
      return `nix-daemon --stdio on ${address.store}`;
    case 'ssh':
      return `ssh-ng://${address.host}`;
  }
}

/** Where the daemon is: what `NIX_REMOTE` may say (Nix manual: "Store types"). */
import { UserError } from '../../sys/errors.ts';

export type DaemonAddress =
  /** `root`: directory that stands before `/nix/store` on this machine, mostly empty. */
  | { readonly kind: 'unix'; readonly socket: string; readonly root: string }
  /** A daemon at the other end of `ssh`: its store is not on this machine. */
  | { readonly kind: 'ssh'; readonly program: string; readonly args: readonly string[]; readonly host: string };

type Environment = Readonly<Record<string, string | undefined>>;

const stockSocket = '/nix/var/nix/daemon-socket/socket';

/**
 * The address by `NIX_REMOTE` (`daemon`, `unix://PATH[?root=DIR]`, `ssh-ng://[USER@]HOST[:PORT][?remote-program=…&ssh-key=…]`;
 * not set: `daemon`) and `NIX_DAEMON_SOCKET_PATH`. Throws `UserError` D0608 for any other store.
 */
export function daemonAddress(environment: Environment): DaemonAddress {
  const remote = environment['NIX_REMOTE'] ?? '';
  const socket = environment['NIX_DAEMON_SOCKET_PATH'] ?? stockSocket;
  if (remote === '' || remote === 'daemon' || remote === 'auto') return { kind: 'unix', socket, root: '' };
  const [, scheme = '', place = '', query = ''] = /^([a-z-]+):\/\/([^?]*)(?:\?(.*))?$/s.exec(remote) ?? [];
  const parameters = new URLSearchParams(query);
  if (scheme === 'unix') {
    const root = (parameters.get('root') ?? '').replace(/\/+$/, '');
    return { kind: 'unix', socket: place === '' ? socket : place, root };
  }
  if (scheme === 'ssh-ng' && place !== '' && !place.startsWith('-')) return overSsh(place, parameters, environment);
  throw new UserError(
    'D0608',
    `NIX_REMOTE names a store that is not reached through a daemon: ${remote}`,
    'unset NIX_REMOTE, or set it to daemon, unix://SOCKET or ssh-ng://HOST; without any daemon: --engine embedded',
  );
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
  return address.kind === 'unix' ? address.socket : `ssh-ng://${address.host}`;
}

/** The stream of bytes between this process and a daemon. */
import { createConnection } from 'node:net';
import type { Duplex } from 'node:stream';
import { duplexOf } from '../../sys/duplex.ts';
import type { DaemonAddress } from './address.ts';
import { unreachable } from './failures.ts';

export interface Transport {
  readonly stream: Duplex;
  /** What the process has said that stands between; empty for a socket. */
  said(): string;
  /** When it has said all. */
  settled(): Promise<void>;
}

/** Connects. Rejects with `UserError` D0601 or D0605. */
export function openTransport(address: DaemonAddress): Promise<Transport> {
  if (address.kind === 'own')
    return Promise.resolve(duplexOf('nix-daemon', ['--stdio'], { NIX_REMOTE: address.store }));
  if (address.kind === 'ssh') return Promise.resolve(duplexOf(address.program, address.args));
  return new Promise((resolve, reject) => {
    const socket = createConnection(address.socket);
    socket.once('error', (error) => reject(unreachable(address, error)));
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve({ stream: socket, said: () => '', settled: () => Promise.resolve() });
    });
  });
}

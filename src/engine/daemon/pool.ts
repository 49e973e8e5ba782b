/** Connections that build. Each is a process of the daemon's, which builds one thing at a time: as many as there are jobs. */
import { type ClientSettings, setOptions } from '../../nix/worker-protocol.ts';
import { readNothing } from '../../nix/worker-wire.ts';
import type { DaemonAddress } from './address.ts';
import { Connection } from './connection.ts';

export interface Pool {
  /** A connection that nobody else uses; to be given back, alive or not. */
  take(): Promise<Connection>;
  /** Opens a connection for whoever takes one next. */
  warm(): void;
  give(connection: Connection): void;
  close(): void;
}

export function makePool(address: DaemonAddress, settings: ClientSettings): Pool {
  const idle: Connection[] = [];
  let coming: Promise<Connection> | null = null;
  const open = async () => {
    const connection = await Connection.open(address);
    await connection.request(setOptions(settings), readNothing);
    return connection;
  };
  return {
    async take() {
      for (let known = idle.pop(); known !== undefined; known = idle.pop()) if (known.alive) return known;
      const opened = coming ?? open();
      coming = null;
      return opened;
    },
    warm() {
      coming ??= open();
      // Whoever takes it learns why it failed.
      coming.catch(() => {});
    },
    give(connection) {
      if (connection.alive) idle.push(connection);
    },
    close() {
      for (const connection of idle.splice(0)) connection.close();
      void coming?.then(
        (connection) => connection.close(),
        () => {},
      );
    },
  };
}

/** Connections that build. Each is a process of the daemon's, which builds one thing at a time: as many as there are jobs. */
import { type ClientSettings, setOptions } from '../../nix/worker-protocol.ts';
import { readNothing } from '../../nix/worker-wire.ts';
import type { Connection } from './connection.ts';
import type { Dialer } from './dialer.ts';

export interface Pool {
  /** A connection that nobody else uses; to be given back, alive or not. */
  take(): Promise<Connection>;
  give(connection: Connection): void;
  close(): void;
}

export function makePool(dialer: Dialer, settings: ClientSettings): Pool {
  const idle: Connection[] = [];
  return {
    async take() {
      for (let known = idle.pop(); known !== undefined; known = idle.pop()) if (known.alive) return known;
      const connection = await dialer.open();
      await connection.request(setOptions(settings), readNothing);
      return connection;
    },
    give(connection) {
      if (connection.alive) idle.push(connection);
    },
    close() {
      for (const connection of idle.splice(0)) connection.close();
    },
  };
}

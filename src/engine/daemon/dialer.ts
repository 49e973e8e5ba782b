/** Opens connections to one address, some of them before they are needed: a daemon takes 0.05 s to begin with a new one. */
import type { DaemonAddress } from './address.ts';
import { Connection } from './connection.ts';

export class Dialer {
  readonly address: DaemonAddress;
  readonly #coming: Promise<Connection>[] = [];

  constructor(address: DaemonAddress) {
    this.address = address;
  }

  /** Begins to open this many more for those who ask later. Whoever takes one learns why it failed. */
  ahead(count: number): void {
    for (let opened = 0; opened < count; opened++) {
      const coming = Connection.open(this.address);
      coming.catch(() => {});
      this.#coming.push(coming);
    }
  }

  /** One that nobody else uses. Rejects with a `UserError`. */
  open(): Promise<Connection> {
    return this.#coming.shift() ?? Connection.open(this.address);
  }

  /** Ends those that nobody has taken. */
  close(): void {
    for (const coming of this.#coming.splice(0)) {
      coming.then(
        (connection) => connection.close(),
        () => {},
      );
    }
  }
}

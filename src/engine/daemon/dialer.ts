/** Opens connections to one address, some of them before they are needed: a daemon takes 0.05 s to begin with a new one. */
import type { DaemonAddress } from './address.ts';
import { Connection } from './connection.ts';

export class Dialer {
  readonly address: DaemonAddress;
  readonly #coming: Promise<Connection>[] = [];

  constructor(address: DaemonAddress) {
    this.address = address;
  }

  /** Begins to open this many more for those who ask later. */
  ahead(count: number): void {
    for (let opened = 0; opened < count; opened++) {
      const coming = Connection.open(this.address);
      coming.catch(() => {});
      this.#coming.push(coming);
    }
  }

  /**
   * One that nobody else uses. Rejects with a `UserError`. One that was opened ahead in vain is tried again: of the first
   * two connections to a store that is new, the daemon may drop one.
   */
  open(): Promise<Connection> {
    const again = () => Connection.open(this.address);
    return this.#coming.shift()?.catch(again) ?? again();
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

/** One connection to a daemon: requests go out at once, answers come in the same order. */
import type { Duplex } from 'node:stream';
import { commonMinor, greeting, introduction, readGreeting, readIntroduction } from '../../nix/worker-protocol.ts';
import type { DaemonIdentity } from '../../nix/worker-protocol.ts';
import { type WorkerMessage, readMessage } from '../../nix/worker-replies.ts';
import { type Decode, WireError } from '../../nix/worker-wire.ts';
import { UserError } from '../../sys/errors.ts';
import type { DaemonAddress } from './address.ts';
import { Refusal, cut, notAllowed, unknownProtocol, unreachable, unreadable } from './failures.ts';
import { InputBytes } from './input-bytes.ts';
import { type Transport, openTransport } from './transport.ts';

/** What a request sends: bytes, or pieces of them as they are read from the disk. */
export type Outgoing = Uint8Array | AsyncIterable<Uint8Array>;

interface Expected {
  readonly steps: Decode<unknown>;
  /** Bytes that the next step takes; null: not begun. */
  need: number | null;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

const nothing = new Uint8Array(0);

/** Milliseconds after which a worker of the daemon that has said something waits again. */
const comesToRest = 50;

export class Connection {
  readonly #address: DaemonAddress;
  readonly #stream: Duplex;
  readonly #said: () => string;
  readonly #input = new InputBytes();
  readonly #expected: Expected[] = [];
  #identity: DaemonIdentity | null = null;
  /** The last body that is being sent: what comes later must wait for its end. */
  #sending: Promise<void> | null = null;
  #ended: { readonly error: unknown } | null = null;
  /** When something came last. */
  #heard = 0;

  /** Connects and shakes hands. Rejects with a `UserError`. */
  static async open(address: DaemonAddress): Promise<Connection> {
    const transport = await openTransport(address);
    const connection = new Connection(address, transport);
    try {
      await connection.#shakeHands();
    } catch (error) {
      connection.close();
      if (!(error instanceof UserError) || error.code !== 'D0601') throw error;
      await transport.settled();
      throw unreachable(address, error.cause, transport.said());
    }
    return connection;
  }

  private constructor(address: DaemonAddress, transport: Transport) {
    const { stream } = transport;
    this.#address = address;
    this.#stream = stream;
    this.#said = () => transport.said();
    stream.on('data', (chunk: Buffer) => {
      this.#heard = performance.now();
      this.#input.push(chunk);
      this.#advance();
    });
    stream.on('error', (error) => this.#end(error));
    stream.on('close', () => this.#end(null));
    stream.on('end', () => this.#end(null));
  }

  get identity(): DaemonIdentity {
    if (this.#identity === null) throw new Error('not connected');
    return this.#identity;
  }

  /** False: nothing more can be asked. */
  get alive(): boolean {
    return this.#ended === null;
  }

  /**
   * Sends an operation and reads its answer. `on` gets the messages that come meanwhile. Rejects with a `Refusal` where
   * the daemon answers with an error, with a `UserError` where the connection ends.
   */
  request<Value>(outgoing: Outgoing, answer: () => Decode<Value>, on: (message: WorkerMessage) => void = () => {}) {
    const result = this.#expect(afterMessages(answer, on));
    this.#send(outgoing);
    return result;
  }

  /** Resolves when all that was asked so far is on its way: no turn of this process's is needed for it any more. */
  async sent(): Promise<void> {
    await this.#sending;
  }

  /**
   * Ends it; the daemon then stops what it builds for it. Not within a moment of its last word: a worker that is hung up
   * on between handing a line on and waiting for the next one does not notice, and its builder runs on.
   */
  close(): void {
    const rest = this.#expected.length === 0 ? 0 : this.#heard + comesToRest - performance.now();
    if (rest <= 0) this.#stream.destroy();
    else setTimeout(() => this.#stream.destroy(), rest);
  }

  async #shakeHands(): Promise<void> {
    const version = this.#expect(readGreeting());
    this.#send(greeting());
    const daemonVersion = await version.catch((error: unknown) => {
      throw error instanceof WireError || this.#said() !== '' ? unreachable(this.#address, error) : error;
    });
    const minor = commonMinor(daemonVersion);
    if (minor === null) throw unknownProtocol(daemonVersion);
    const identity = this.#expect(readIntroduction(minor));
    const ready = this.#expect(
      afterMessages(
        function* () {},
        () => {},
      ),
    );
    this.#send(introduction(minor));
    const [introduced] = await Promise.all([identity, ready]);
    this.#identity = introduced;
  }

  #expect<Value>(steps: Decode<Value>): Promise<Value> {
    return new Promise<Value>((resolve, reject) => {
      if (this.#ended !== null) {
        reject(this.#failure(this.#ended.error));
        return;
      }
      this.#expected.push({ steps, need: null, resolve, reject });
    });
  }

  #send(outgoing: Outgoing): void {
    if (outgoing instanceof Uint8Array && this.#sending === null) {
      if (outgoing.length > 0) this.#stream.write(outgoing);
      return;
    }
    const before = this.#sending ?? Promise.resolve();
    const sent: Promise<void> = before
      .then(() => this.#sendAll(outgoing))
      .catch((error: unknown) => {
        // Half a body is out: nothing that follows would be understood.
        this.#end(unreadable(error));
        this.close();
      })
      .finally(() => {
        if (this.#sending === sent) this.#sending = null;
      });
    this.#sending = sent;
  }

  async #sendAll(outgoing: Outgoing): Promise<void> {
    if (outgoing instanceof Uint8Array) {
      this.#stream.write(outgoing);
      return;
    }
    for await (const piece of outgoing) {
      if (this.#ended !== null) return;
      if (!this.#stream.write(piece)) await this.#drained();
    }
    // The callback of a write comes when all before it has left this process.
    if (this.#stream.writableLength > 0) await new Promise((resolve) => this.#stream.write(nothing, resolve));
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        this.#stream.off('drain', go);
        this.#stream.off('close', go);
        resolve();
      };
      this.#stream.on('drain', go);
      this.#stream.on('close', go);
    });
  }

  #advance(): void {
    for (let head = this.#expected[0]; head !== undefined; head = this.#expected[0]) {
      try {
        let step = head.need === null ? head.steps.next() : null;
        for (;;) {
          if (step?.done === true) break;
          head.need = step?.value ?? head.need ?? 0;
          const bytes = this.#input.take(head.need);
          if (bytes === null) return;
          step = head.steps.next(bytes);
        }
        this.#expected.shift();
        head.resolve(step.value as never);
      } catch (error) {
        this.#expected.shift();
        head.reject(error);
        if (error instanceof Refusal) continue;
        this.#end(error);
        this.close();
      }
    }
  }

  #end(error: unknown): void {
    if (this.#ended !== null) return;
    this.#ended = { error };
    for (const { reject } of this.#expected.splice(0)) reject(this.#failure(error));
  }

  #failure(error: unknown): unknown {
    if (error instanceof UserError) return error;
    if (this.#identity === null && this.#input.total === 0 && this.#said() === '') {
      // It took the connection and closed it without a word: that is how a daemon turns a user away. A program that stands
      // between (ssh) has not come so far; what it says may come later than its end.
      return this.#address.kind === 'unix' ? notAllowed(this.#address, error) : unreachable(this.#address, error);
    }
    return cut(this.#address, this.#said(), error);
  }
}

function* afterMessages<Value>(answer: () => Decode<Value>, on: (message: WorkerMessage) => void): Decode<Value> {
  for (;;) {
    const message = yield* readMessage();
    if (message.type === 'last') return yield* answer();
    if (message.type === 'error') throw new Refusal(message.error);
    on(message);
  }
}

/** Which engine builds, and what it needs after a build. */
import * as path from 'node:path';
import { daemonAddress } from '../engine/daemon/address.ts';
import { Dialer } from '../engine/daemon/dialer.ts';
import { type DaemonEngine, daemonEngine } from '../engine/daemon/engine.ts';
import { full } from '../engine/daemon/failures.ts';
import { embeddedEngine } from '../engine/embedded/engine.ts';
import type { Invocation } from '../cargo/types.ts';
import type { Engine } from '../engine/types.ts';
import type { PlannedUnit } from '../plan/types.ts';
import type { RootsRequest } from '../store/types.ts';
import { UserError } from '../sys/errors.ts';
import type { Host } from './host.ts';
import type { Prepared } from './prepare.ts';
import { noRoomFor } from './refusal.ts';
import { daemonDirectory } from './store-root.ts';

export interface OpenEngine {
  readonly engine: Engine;
  /** From now on until it is closed nothing that is valid is collected, as far as that is ours to say. */
  hold(signal: AbortSignal): Promise<void>;
  /** Keeps what `target/` shows from being collected. */
  registerRoots(units: RootsRequest['units']): Promise<void>;
  /** What to say of a unit that failed because a disk was full. */
  noRoom(unit: PlannedUnit): UserError;
  /** Makes room after a build that has built something. */
  collect(): Promise<void>;
  close(): void;
}

/** `--engine`, `DRYDOCK_ENGINE`, `drydock.engine` of cargo's configuration; `embedded` where none says. */
function engineName(
  invocation: Invocation,
  environment: Host['environment'],
  configured: (key: string) => unknown,
): unknown {
  return invocation.engine ?? environment['DRYDOCK_ENGINE'] ?? configured('drydock.engine') ?? 'embedded';
}

/** The engine of one build: connections begin to open while the build is being planned. */
export class EngineOpener {
  readonly #invocation: Invocation;
  readonly #host: Host;
  #dialer: Dialer | null = null;

  constructor(invocation: Invocation, host: Host) {
    this.#invocation = invocation;
    this.#host = host;
  }

  /** The configuration is known: connects where the daemon will be asked. One connection asks, another one builds. */
  readonly ahead = (configured: (key: string) => unknown): void => {
    const { environment } = this.#host;
    if (engineName(this.#invocation, environment, configured) !== 'nix') return;
    this.#dialer = new Dialer(daemonAddress(environment));
    this.#dialer.ahead(2);
  };

  /** `UserError` D0611. */
  open({ workspace, store }: Prepared): OpenEngine {
    const { environment } = this.#host;
    const { targetDir, profileDir, config } = workspace;
    const name = engineName(this.#invocation, environment, (key) => config.get(key));
    switch (name) {
      case 'embedded':
        return {
          engine: embeddedEngine(store, { environment }),
          hold: (signal) => store.hold({ signal }),
          registerRoots: (units) => store.registerRoots({ targetDir, units }),
          noRoom: (unit) => noRoomFor(unit, store.root, targetDir),
          collect: async () => void (await store.collect()),
          close: () => {},
        };
      case 'nix': {
        this.#dialer ??= new Dialer(daemonAddress(environment));
        const engine = daemonEngine({ dialer: this.#dialer, stateDirectory: daemonDirectory(store.root) });
        const directory = path.join(targetDir, profileDir, '.drydock');
        return {
          engine,
          hold: () => Promise.resolve(),
          registerRoots: (units) => keepUnits(engine, directory, units),
          noRoom: ({ package: { name: failed } }) => full(`results of \`${failed}\` could not be written`),
          // Collecting is the business of the store's administrator.
          collect: () => Promise.resolve(),
          close: () => engine.close(),
        };
      }
      default:
        throw new UserError('D0611', `there is no engine of the name ${JSON.stringify(name)}`, 'use embedded or nix');
    }
  }

  /** Ends the connections that no engine has taken. */
  close(): void {
    this.#dialer?.close();
  }
}

/** What changes with an edit has a root of its own: to register one takes a daemon the longer the more it refers to. */
async function keepUnits(engine: DaemonEngine, directory: string, units: RootsRequest['units']): Promise<void> {
  const links = { pure: 'nix-roots', dev: 'nix-roots-dev' } as const;
  const kept = (['pure', 'dev'] as const).map((lane) => {
    const ofLane = [...units].filter(([, unit]) => unit.lane === lane).map(([id, unit]) => [id, unit.path] as const);
    return engine.keep(path.join(directory, links[lane]), new Map(ofLane));
  });
  await Promise.all(kept);
}

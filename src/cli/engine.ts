/** Which engine builds, and what it needs after a build. */
import * as path from 'node:path';
import { daemonAddress } from '../engine/daemon/address.ts';
import { daemonEngine } from '../engine/daemon/engine.ts';
import { full } from '../engine/daemon/failures.ts';
import { embeddedEngine } from '../engine/embedded/engine.ts';
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

/** `--engine`, `DRYDOCK_ENGINE`, `drydock.engine` of cargo's configuration; `embedded` where none says. `UserError` D0611. */
export function openEngine({ workspace, store }: Prepared, host: Host): OpenEngine {
  const { environment } = host;
  const { targetDir, profileDir, invocation, config } = workspace;
  const name = invocation.engine ?? environment['DRYDOCK_ENGINE'] ?? config.get('drydock.engine') ?? 'embedded';
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
      const engine = daemonEngine({
        address: daemonAddress(environment),
        stateDirectory: daemonDirectory(store.root),
      });
      const link = path.join(targetDir, profileDir, '.drydock', 'nix-roots');
      return {
        engine,
        hold: () => Promise.resolve(),
        registerRoots: (units) => engine.keep(link, new Map([...units].map(([id, unit]) => [id, unit.path]))),
        noRoom: ({ package: { name } }) => full(`results of \`${name}\` could not be written`),
        // Collecting is the business of the store's administrator.
        collect: () => Promise.resolve(),
        close: () => engine.close(),
      };
    }
    default:
      throw new UserError('D0611', `there is no engine of the name ${JSON.stringify(name)}`, 'use embedded or nix');
  }
}

/** What the steps of a build have in common. */
import type { SealedDerivation } from '../../nix/types.ts';
import type { Store } from '../../store/types.ts';
import type { LockOptions } from '../../sys/lock.ts';
import type { Attempt } from '../executor.ts';
import type { Places } from './places.ts';
import type { Isolation } from './sandbox.ts';
import type { SourceAdder } from './sources.ts';

export interface Workshop {
  readonly store: Store;
  readonly places: Places;
  readonly sources: SourceAdder;
  readonly bwrap: string;
  readonly isolation: Isolation;
  readonly cores: number;
  /** Removals that nobody needs to wait for before the end of the build. */
  later(work: Promise<void>): void;
  /** Told of each derivation whose output has become valid. */
  built(derivation: SealedDerivation): void;
}

/** Does something that may wait for other processes without keeping the right to run meanwhile. */
export async function waiting<Value>(attempt: Attempt, work: (options: LockOptions) => Promise<Value>): Promise<Value> {
  let waited = false;
  const value = await work({
    signal: attempt.signal,
    onWait: () => {
      waited = true;
      attempt.waitingForLock();
      attempt.pause();
    },
  });
  if (waited) await attempt.resume();
  return value;
}

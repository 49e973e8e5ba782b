/** The derivations of what was built, brought into the store while builders run. */
import type { SealedDerivation } from '../../nix/types.ts';
import type { Store } from '../../store/types.ts';

export interface DerivationRecorder {
  /** Returns at once. */
  built(derivation: SealedDerivation): void;
  /** Resolves when all of them are in the store; rejects with the reason why one is not. */
  settled(): Promise<void>;
}

/** Written at a time, so that builders' lines do not wait long. */
const batch = 8;

export function derivationRecorder(store: Store): DerivationRecorder {
  const waiting: SealedDerivation[] = [];
  let writing: Promise<void> | null = null;
  const write = async (): Promise<void> => {
    while (waiting.length > 0) {
      // What else has just ended comes along.
      await new Promise(setImmediate);
      await store.addDerivations(waiting.splice(0, batch));
    }
    writing = null;
  };
  return {
    built(derivation) {
      waiting.push(derivation);
      writing ??= write();
      // Whoever waits for the end hears of it.
      writing.catch(() => {});
    },
    settled: () => writing ?? Promise.resolve(),
  };
}

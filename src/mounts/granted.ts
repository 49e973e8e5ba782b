/** Mounts for one build by a Nix daemon: held here as for any build, and granted to the daemon's hook. */
import type { DrvPath } from '../nix/types.ts';
import type { LockOptions } from '../sys/lock.ts';
import { type Answer, revokeGrant, writeGrant } from './grants.ts';
import { type HeldMount, type HeldMounts, holdMounts } from './hold.ts';
import type { MountGrant } from './types.ts';

export interface GrantedMounts {
  readonly mounts: readonly HeldMount[];
  /**
   * To be called once the builder is gone, with how it ended, as for `HeldMounts`. What the hook did with the grant; null:
   * the daemon has not asked.
   */
  release(clean: boolean, crashed?: boolean): Answer;
}

export interface GrantPlace {
  /** As the derivation's `cacheGrants` and `scope` have them. */
  readonly directory: string;
  readonly scope: string;
}

/** A build does not take longer; it is taken back when it ends. */
const validity = 12 * 3600 * 1000;

/** Locks and marks the mounts for a builder that is shown them without asking a hook. Rejects as `holdMounts` does. */
export async function holdDirectly(
  drvPath: DrvPath,
  mounts: readonly MountGrant[],
  options: LockOptions,
): Promise<GrantedMounts> {
  const held = await holdMarked(drvPath, mounts, options);
  return {
    mounts: held.mounts,
    release(clean, crashed) {
      held.release(clean, crashed);
      return { mounted: true, noView: null };
    },
  };
}

/** Locks and marks the mounts, then writes the grant. Rejects as `holdMounts` does. */
export async function grantMounts(
  drvPath: DrvPath,
  mounts: readonly MountGrant[],
  place: GrantPlace,
  options: LockOptions,
): Promise<GrantedMounts> {
  const held = await holdMarked(drvPath, mounts, options, (all) => {
    writeGrant(place.directory, {
      drvPath,
      scope: place.scope,
      expires: new Date(Date.now() + validity),
      directories: all.map(({ grant: { id, ro }, directory }) => ({ id, directory, ro, lock: 'held' })),
    });
  });
  return {
    mounts: held.mounts,
    release(clean, crashed) {
      const answer = revokeGrant(place.directory, drvPath);
      // Nobody has touched what was not mounted.
      held.release(clean || answer?.mounted !== true, crashed);
      return answer;
    },
  };
}

/** `afterMark`: what else must succeed before the builder may start; if it throws, the mounts are given back. */
async function holdMarked(
  drvPath: DrvPath,
  mounts: readonly MountGrant[],
  options: LockOptions,
  afterMark: (mounts: HeldMounts['mounts']) => void = () => {},
): Promise<HeldMounts> {
  const held = await holdMounts(mounts, options);
  try {
    await held.mark(drvPath);
    afterMark(held.mounts);
  } catch (error) {
    held.release(true);
    throw error;
  }
  return held;
}

/** Cache mounts held for one build of one derivation: locked, marked, and given back. */
import * as path from 'node:path';
import { removeTree } from '../sys/copy.ts';
import type { LockOptions } from '../sys/lock.ts';
import { type Guard, takeGuard, tryGuard } from './guard.ts';
import type { MountGrant } from './types.ts';
import { makeDirectories } from '../sys/directories.ts';

export interface HeldMount {
  readonly grant: MountGrant;
  /** What is mounted: the granted directory, or another one where sharing is `private` and that one is taken. */
  readonly directory: string;
  /** State that an unclean end had left was removed. */
  readonly dropped: boolean;
}

export interface HeldMounts {
  readonly mounts: readonly HeldMount[];
  /** To be called right before the program starts; its marks are on disk then. */
  mark(derivation: string): Promise<void>;
  /**
   * `clean`: the program ended by itself and may be believed to have left good state. `crashed`: it did not, and nobody
   * had killed it.
   */
  release(clean: boolean, crashed?: boolean): void;
}

/**
 * Takes what `grants` name, in an order that all processes share. Directories are created for this user; nothing that is
 * in them is ever changed but by removing all of it. Rejects with system errors, and with the signal's reason.
 */
export async function holdMounts(grants: readonly MountGrant[], options: LockOptions): Promise<HeldMounts> {
  const held: { readonly mount: HeldMount; readonly guard: Guard | null }[] = [];
  const ordered = grants.toSorted((a, b) => (a.directory < b.directory ? -1 : a.directory > b.directory ? 1 : 0));
  try {
    for (const grant of ordered) held.push(await holdOne(grant, options));
  } catch (error) {
    for (const { guard } of held) guard?.release();
    throw error;
  }
  const marked = held.filter(({ mount, guard }) => guard !== null && mount.grant.transactional && !mount.grant.ro);
  let writer = '';
  return {
    mounts: held.map(({ mount }) => mount),
    async mark(derivation) {
      writer = derivation;
      for (const { mount, guard } of marked) await guard?.mark(derivation, mount.grant.killSafe === true);
    },
    release(clean, crashed = false) {
      for (const { guard } of marked) {
        if (clean) guard?.clear();
        else if (crashed) guard?.spoil(writer);
      }
      for (const { guard } of held) guard?.release();
    },
  };
}

async function holdOne(
  grant: MountGrant,
  options: LockOptions,
): Promise<{ readonly mount: HeldMount; readonly guard: Guard | null }> {
  makeDirectories(path.dirname(grant.directory));
  if (grant.sharing === 'shared') {
    makeDirectories(grant.directory);
    return { mount: { grant, directory: grant.directory, dropped: false }, guard: null };
  }
  const [directory, guard] =
    grant.sharing === 'private'
      ? await firstFree(grant.directory)
      : ([grant.directory, await takeGuard(grant.directory, options)] as const);
  try {
    const dropped = guard.foundMark !== null && grant.transactional && !(grant.killSafe === true && guard.killedOnly);
    if (dropped) {
      await removeTree(directory);
      guard.clear();
    }
    makeDirectories(directory);
    return { mount: { grant, directory, dropped }, guard };
  } catch (error) {
    guard.release();
    throw error;
  }
}

/** The granted directory or, where that is taken, the first of its numbered neighbours that is not. */
async function firstFree(directory: string): Promise<readonly [string, Guard]> {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? directory : `${directory}.${number}`;
    const guard = await tryGuard(candidate);
    if (guard !== null) return [candidate, guard];
  }
}

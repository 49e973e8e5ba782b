/** Temporary files of one process, on the store's file system, recognisable as nobody's once the process is gone. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import * as path from 'node:path';
import { removeTree } from '../sys/copy.ts';
import { errnoOf } from '../sys/errors.ts';
import { type Lock, lock, tryLock } from '../sys/lock.ts';
import type { Layout } from './layout.ts';

export interface WorkDirectory {
  readonly directory: string;
  /** A name in it that was never used before. */
  fresh(hint: string): string;
  /** Does `make` with a fresh name; if that fails, what it left there is removed. */
  making<Value>(hint: string, make: (file: string) => Promise<Value>): Promise<Value>;
  /** Moves something of the store out of sight and removes it; returns once it is out of sight. */
  retire(file: string): void;
  /** Resolves when all that was retired is removed. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Makes the directory of this process, and removes those of processes that are gone. A living process is one that holds
 * its `owner` file's lock: process ids are used again, and mean nothing across containers.
 */
export async function openWork(layout: Layout): Promise<WorkDirectory> {
  // Shared while a directory has come into being and its owner is not yet locked; exclusive while others are judged.
  const making = await lock(layout.workLock, 'shared');
  const directory = path.join(layout.work, randomBytes(8).toString('hex'));
  let owner: Lock;
  try {
    mkdirSync(directory);
    owner = await lock(path.join(directory, 'owner'), 'exclusive');
  } finally {
    making.release();
  }
  const removals = new Set<Promise<void>>();
  let count = 0;
  const work: WorkDirectory = {
    directory,
    fresh: (hint) => path.join(directory, `${++count}-${hint}`),
    async making(hint, make) {
      const file = work.fresh(hint);
      try {
        return await make(file);
      } catch (error) {
        work.retire(file);
        throw error;
      }
    },
    retire(file) {
      const away = work.fresh('retired');
      try {
        renameSync(file, away);
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return;
        throw error;
      }
      // What cannot be removed now is removed by whoever sweeps next.
      const removal = removeTree(away)
        .catch(() => {})
        .finally(() => removals.delete(removal));
      removals.add(removal);
    },
    async settled() {
      await Promise.all(removals);
    },
    async close() {
      await work.settled();
      owner.release();
      await removeTree(directory).catch(() => {});
    },
  };
  await sweep(layout, directory);
  return work;
}

/** Removes work directories without an owner; nothing when another process does so or opens its own just now. */
async function sweep(layout: Layout, own: string): Promise<void> {
  const others = readdirSync(layout.work).filter((name) => path.join(layout.work, name) !== own);
  if (others.length === 0) return;
  const judging = await tryLock(layout.workLock, 'exclusive');
  if (judging === null) return;
  try {
    for (const name of others) {
      const directory = path.join(layout.work, name);
      try {
        const owner = await tryLock(path.join(directory, 'owner'), 'exclusive');
        if (owner === null) continue;
        await removeTree(directory).finally(() => owner.release());
      } catch {
        // Gone meanwhile, or another user's: not ours to remove.
      }
    }
  } finally {
    judging.release();
  }
}

/** Collection: outputs of the dev lane beyond the budget, and, when asked, pure paths that nobody needs. */
import { unlinkSync } from 'node:fs';
import { baseName } from '../nix/store-path.ts';
import { storeDir, type StorePath } from '../nix/types.ts';
import { closureOf } from './closure.ts';
import { entriesOf, inventory } from './inventory.ts';
import type { Layout } from './layout.ts';
import { displace, removeRecord, retireContent } from './place.ts';
import type { PathRecord } from './record.ts';
import { liveRoots } from './roots.ts';
import type { CollectOptions } from './types.ts';
import type { Records } from './validity.ts';
import type { WorkDirectory } from './work.ts';

const DAY = 86_400_000;
const DEFAULT_BUDGET = 10 * 2 ** 30;
const DEFAULT_DAYS = 30;

/**
 * Removes what may go and tells what went. The caller holds the collection lock exclusively: no build runs. Killed at
 * any moment: paths are removed one by one, each by `displace`, whose order keeps half-removed paths from being valid.
 */
export function removeUnneeded(
  layout: Layout,
  work: WorkDirectory,
  records: Records,
  options: CollectOptions,
): { removed: StorePath[]; bytes: number } {
  const roots = liveRoots(layout, true);
  const removed: StorePath[] = [];
  let bytes = 0;
  const remove = (record: PathRecord) => {
    displace(layout, work, record.path);
    records.forget(record.path);
    removed.push(record.path);
    bytes += record.bytes;
  };

  const dev = [...inventory(layout, records, 'dev')].flatMap(({ file, record, usedAt }) => {
    if (record === null) {
      removeRecord(file);
      return [];
    }
    return [{ record, usedAt: Math.max(usedAt, roots.kept.get(record.path) ?? 0) }];
  });
  let total = dev.reduce((sum, { record }) => sum + record.bytes, 0);
  const budget = options.budgetBytes ?? DEFAULT_BUDGET;
  for (const { record } of dev.toSorted((left, right) => left.usedAt - right.usedAt)) {
    if (total <= budget) break;
    if (roots.kept.has(record.path)) continue;
    total -= record.bytes;
    remove(record);
  }

  if (options.all === true) {
    const pure = [...inventory(layout, records, 'pure')];
    const reached = reach(records, [
      ...roots.kept.keys(),
      ...dev.map(({ record }) => record.path).filter((path) => !removed.includes(path)),
    ]);
    const limit = Date.now() - (options.olderThanDays ?? DEFAULT_DAYS) * DAY;
    for (const { file, record, usedAt } of pure) {
      if (record === null) removeRecord(file);
      else if (!reached.has(record.path) && usedAt < limit) remove(record);
    }
    removeUnrecorded(layout, work, records);
  }
  return { removed, bytes };
}

/** Everything that `paths` reach by references, and the derivations that made it. */
function reach(records: Records, paths: readonly StorePath[]): Set<StorePath> {
  const derivers: StorePath[] = [];
  const reached = closureOf(paths, (path) => {
    const record = records.read(path);
    if (record !== null && record.deriver !== null) derivers.push(record.deriver as StorePath);
    return record?.references ?? null;
  });
  return new Set([...reached.paths, ...derivers]);
}

/** Contents without a record (a writer was killed), lock files, and logs of derivations that are gone. */
function removeUnrecorded(layout: Layout, work: WorkDirectory, records: Records): void {
  for (const name of entriesOf(layout.store)) {
    if (records.read(`${storeDir}/${name}` as StorePath) === null) retireContent(work, `${layout.store}/${name}`);
  }
  // Whoever locks a path keeps collection away meanwhile: nobody holds these.
  for (const name of entriesOf(layout.locks)) unlinkSync(`${layout.locks}/${name}`);
  for (const name of entriesOf(layout.logs)) {
    const drvPath = `${storeDir}/${name}` as StorePath;
    if (records.read(drvPath) === null) unlinkSync(`${layout.logs}/${baseName(drvPath)}`);
  }
}

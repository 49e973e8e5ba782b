/** Comparing contents with records, all of them. */
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { sortedByBytes } from '../nix/order.ts';
import type { NarNode, StorePath } from '../nix/types.ts';
import { hashNar, readChunks } from './hashing.ts';
import { inventory } from './inventory.ts';
import type { Layout } from './layout.ts';
import type { PathRecord } from './record.ts';
import type { CorruptPath } from './types.ts';
import type { Records } from './validity.ts';

/**
 * All paths that are not as recorded. `repair` is called for each and tells whether it removed it; null: only look.
 * Records that cannot be read have become warnings when this is done, and are removed by collection.
 */
export async function verifyAll(
  layout: Layout,
  records: Records,
  repair: ((path: StorePath) => Promise<boolean>) | null,
): Promise<CorruptPath[]> {
  const corrupt: CorruptPath[] = [];
  for (const lane of ['pure', 'dev'] as const) {
    for (const { record } of inventory(layout, records, lane)) {
      const why = record === null ? null : await whyCorrupt(layout, records, record);
      if (record === null || why === null) continue;
      corrupt.push({ path: record.path, why, repaired: repair !== null && (await repair(record.path)) });
    }
  }
  return corrupt;
}

/** Why a path's contents are not what its record says; null: they are. Reads all of it in the pure lane. */
export async function whyCorrupt(layout: Layout, records: Records, record: PathRecord): Promise<string | null> {
  const changed = records.changedFile(record);
  if (changed !== null) {
    if (record.origin === 'host-directory') return `${record.from} is gone`;
    return changed === '' ? 'is missing or was written to' : `${changed} is missing or was written to`;
  }
  if (record.narHash === null) return null;
  const content = layout.content(record.path);
  const { narHash } = await hashNar(narNodeOf(content));
  return narHash === record.narHash ? null : `its contents have the hash ${narHash}, not ${record.narHash}`;
}

/** What lies at `file`, as a NAR has it. */
function narNodeOf(file: string): NarNode {
  const stat = lstatSync(file);
  if (stat.isSymbolicLink()) return { type: 'symlink', target: readlinkSync(file) };
  if (!stat.isDirectory()) {
    return {
      type: 'regular',
      executable: (stat.mode & 0o100) !== 0,
      size: stat.size,
      contents: () => readChunks(file),
    };
  }
  return {
    type: 'directory',
    entries: sortedByBytes(readdirSync(file)).map((name) => ({ name, node: narNodeOf(`${file}/${name}`) })),
  };
}

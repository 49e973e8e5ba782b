/** Comparing contents with records, all of them. */
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { sortedByBytes } from '../nix/order.ts';
import type { NarNode } from '../nix/types.ts';
import { hashNar, readChunks } from './hashing.ts';
import type { Layout } from './layout.ts';
import type { PathRecord } from './record.ts';
import type { Records } from './validity.ts';

/** Why a path's contents are not what its record says; null: they are. Reads all of it in the pure lane. */
export async function whyCorrupt(layout: Layout, records: Records, record: PathRecord): Promise<string | null> {
  const changed = records.changedFile(record);
  if (changed !== null) {
    if (record.origin === 'host-directory') return `${record.from} is no directory`;
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

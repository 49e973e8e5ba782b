/** Outputs of builds on their way into the store. */
import { chmodSync, lstatSync, mkdirSync, utimesSync } from 'node:fs';
import { baseName } from '../nix/store-path.ts';
import type { NarNode, StorePath } from '../nix/types.ts';
import { type TreeNode, bytesOf, canonicalise, manifestOf } from './canonical.ts';
import { hashNar, readChunks } from './hashing.ts';
import type { Layout } from './layout.ts';
import { place } from './place.ts';
import type { FileStat, PathRecord } from './record.ts';
import type { CommitOutcome, CommitRequest, OutputHandle } from './types.ts';
import type { WorkDirectory } from './work.ts';

/**
 * An empty directory to build into. It is renamed when the build is done: in the sandbox it is seen at its final name
 * from the start. Killed before that: a leftover of the work directory, which goes with it.
 */
export function prepareOutput(work: WorkDirectory, path: StorePath): OutputHandle {
  const directory = work.fresh(baseName(path));
  mkdirSync(directory, 0o755);
  return { path, directory };
}

/** Canonical form, hash and references (pure lane), into place, record. The caller holds the path's lock. */
export async function commitOutput(
  layout: Layout,
  work: WorkDirectory,
  handle: OutputHandle,
  request: CommitRequest,
): Promise<CommitOutcome> {
  const { path, directory } = handle;
  if (!lstatSync(directory).isDirectory()) return { status: 'refused', file: '', why: 'not-a-directory' };
  chmodSync(directory, 0o755);
  const canonical = await canonicalise(work, directory, new Set(request.lane === 'dev' ? request.own : []));
  if (!canonical.ok) return { status: 'refused', file: canonical.file, why: canonical.why };
  const files = manifestOf(canonical.tree);
  const bytes = bytesOf(files);
  const hashed = request.lane === 'pure' ? await hashNar(narNodeOf(canonical.tree), request.candidates) : null;
  const references = hashed?.references ?? request.candidates;
  place(layout, work, directory, {
    version: 1,
    path,
    lane: request.lane,
    origin: 'output',
    from: null,
    narHash: hashed?.narHash ?? null,
    narSize: hashed?.narSize ?? null,
    bytes,
    references,
    deriver: request.deriver,
    registeredAt: Date.now(),
    files,
  });
  return { status: 'committed', references, narHash: hashed?.narHash ?? null, bytes };
}

/**
 * Sets the time of the files that have one of their own; answers the record that fits. Killed before that is written:
 * the path counts as written to, and is built again.
 */
export function renewed(layout: Layout, record: PathRecord): PathRecord {
  const now = new Date();
  const files = record.files.map((file): FileStat => {
    const [name, kind, size, inode, mtime] = file;
    if (mtime === undefined) return file;
    const place = `${layout.content(record.path)}/${name}`;
    utimesSync(place, now, now);
    return [name, kind, size, inode, lstatSync(place).mtimeMs];
  });
  return { ...record, files };
}

function narNodeOf(node: TreeNode): NarNode {
  switch (node.kind) {
    case 'd':
      return {
        type: 'directory',
        entries: node.entries.map((entry) => ({ name: entry.name, node: narNodeOf(entry.node) })),
      };
    case 'l':
      return { type: 'symlink', target: node.target ?? '' };
    case 'f':
    case 'x':
      return { type: 'regular', executable: node.kind === 'x', size: node.size, contents: () => readChunks(node.file) };
  }
}

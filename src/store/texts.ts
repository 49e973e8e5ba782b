/** Texts with references: `.drv` files and the builder. Many come at once, so each costs no more than it must. */
import { renameSync } from 'node:fs';
import { lock } from '../sys/lock.ts';
import { narHashSync, narSize } from '../nix/nar.ts';
import { splitStorePath, textPath } from '../nix/store-path.ts';
import type { NarNode } from '../nix/types.ts';
import { writeCanonical } from './add.ts';
import type { Layout } from './layout.ts';
import { retireContent, writeRecord } from './place.ts';
import type { StoreText } from './types.ts';
import type { Records } from './validity.ts';
import type { WorkDirectory } from './work.ts';

/**
 * Adds what is not valid of `texts`. Not one fsync: a text that a power cut takes away is not valid, and is written
 * again. Throws when a path is not the one of its text (a bug).
 */
export async function addTexts(
  layout: Layout,
  work: WorkDirectory,
  records: Records,
  texts: readonly StoreText[],
): Promise<void> {
  // One lock for all texts: two writers of one path would record each other's inodes.
  const held = await lock(layout.textLock, 'exclusive');
  try {
    const valid = records.valid(texts.map((text) => text.path));
    for (const text of texts) {
      if (valid.has(text.path)) continue;
      addText(layout, work, text);
      records.forget(text.path);
    }
  } finally {
    held.release();
  }
}

/** As in `place`: contents first, then the record; killed in between, there is a file that nobody takes for valid. */
function addText(layout: Layout, work: WorkDirectory, { path, text, references }: StoreText): void {
  if (textPath(splitStorePath(path).name, text, references) !== path)
    throw new Error(`not the path of its text: ${path}`);
  const contents = Buffer.from(text);
  const aside = work.fresh('text');
  const target = layout.content(path);
  let inode: number;
  try {
    inode = writeCanonical(aside, contents, 'f');
  } catch (error) {
    work.retire(aside);
    throw error;
  }
  try {
    renameSync(aside, target);
  } catch {
    // A directory lies there, which no rename of a file replaces.
    retireContent(work, target);
    renameSync(aside, target);
  }
  const node: NarNode = { type: 'regular', executable: false, size: contents.length, contents };
  writeRecord(layout, work, {
    version: 1,
    path,
    lane: 'pure',
    origin: 'text',
    from: null,
    narHash: narHashSync(node),
    narSize: narSize(node),
    bytes: contents.length,
    references,
    deriver: null,
    registeredAt: Date.now(),
    files: [['', 'f', contents.length, inode]],
  });
}

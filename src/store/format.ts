/** Where the store is, and how it comes into being. */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { createExclusive } from '../sys/durable.ts';
import { errnoOf } from '../sys/errors.ts';
import { userDirectory } from '../sys/ids.ts';
import { newerFormat } from './failures.ts';
import { type Layout, formatVersion } from './layout.ts';
import { makeDirectories } from '../sys/directories.ts';
import { tagDirectory } from '../sys/tagged-directory.ts';

/** Where the store is unless the caller says otherwise: `DRYDOCK_STORE`, else `drydock` in the user's data directory. */
export function defaultStoreRoot(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  const named = environment['DRYDOCK_STORE'];
  if (named !== undefined && named !== '') return path.resolve(named);
  return path.join(userDirectory('data', environment) ?? '/', 'drydock');
}

/** Whether the store has been made. Throws for a format that is not ours. */
export function readFormat(layout: Layout): boolean {
  let text: string;
  try {
    text = readFileSync(layout.format, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false;
    throw error;
  }
  if (text !== `${formatVersion}\n`) throw newerFormat(layout.root, text.slice(0, 100));
  return true;
}

/**
 * Makes the store's directories, tagged so that a package around it does not take it for sources; the format file comes
 * last and says that all of them are there.
 */
export function makeStore(layout: Layout): void {
  const { store, work, locks, roots, logs } = layout;
  const records = [layout.records('pure'), layout.records('dev')];
  for (const directory of [store, work, locks, roots, logs, ...records]) makeDirectories(directory);
  tagDirectory(layout.root);
  if (!createExclusive(layout.format, `${formatVersion}\n`)) readFormat(layout);
}

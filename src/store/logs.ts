/** Build logs, a text file per derivation. */
import { readFile } from 'node:fs/promises';
import { writeFileSync, renameSync } from 'node:fs';
import { errnoOf } from '../sys/errors.ts';
import type { DrvPath } from '../nix/types.ts';
import type { Layout } from './layout.ts';
import type { WorkDirectory } from './work.ts';

/** Replaces the log of a derivation. A power cut may take it away: it is for reading only. */
export function writeLog(layout: Layout, work: WorkDirectory, drvPath: DrvPath, lines: readonly string[]): void {
  const aside = work.fresh('log');
  writeFileSync(aside, lines.map((line) => `${line}\n`).join(''), { flag: 'wx' });
  renameSync(aside, layout.log(drvPath));
}

/** The lines of the last log; null: there is none. */
export async function readLog(layout: Layout, drvPath: DrvPath): Promise<readonly string[] | null> {
  let text: string;
  try {
    text = await readFile(layout.log(drvPath), 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return null;
    throw error;
  }
  const lines = text.split('\n');
  // What comes after the last line's end is no line.
  lines.pop();
  return lines;
}

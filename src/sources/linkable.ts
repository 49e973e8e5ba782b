/** What of a directory a linker may take: search directories can be a package's own, with all that lies there. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { isOutOfReach, statFile } from './file-stat.ts';

/** Last part of a record's entry that stands for all of `linkable`. */
export const linkableBelow = '*';

/** No library, object or linker script is called so. */
const never = /^\.|\.(?:rs|md|toml|lock)$|^LICENSE/;

/** Absolute files of the directory itself, sorted. */
export function linkable(directory: string): readonly string[] {
  return names(directory)
    .filter((name) => !never.test(name))
    .sort()
    .map((name) => path.join(directory, name))
    .filter((file) => statFile(file)?.kind === 'file');
}

function names(directory: string): readonly string[] {
  try {
    return fs.readdirSync(directory);
  } catch (error) {
    if (isOutOfReach(error)) return [];
    throw error;
  }
}

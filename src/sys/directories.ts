/** Making directories with all that lead to them. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { errnoOf } from './errors.ts';

/**
 * Makes a directory and those above it that are not there. Throws the system's error; EPERM where no program can make
 * directories at all (`/proc`). There Node's own way never returns: it finds each time that the one above exists after all.
 */
export function makeDirectories(directory: string, mode = 0o777): void {
  const code = tryToMake(directory, mode);
  if (code === null) return;
  const above = path.dirname(directory);
  if (above === directory || isDirectory(above)) throw refusal(directory);
  makeDirectories(above, mode);
  if (tryToMake(directory, mode) !== null) throw refusal(directory);
}

/** null: it is there now. */
function tryToMake(directory: string, mode: number): 'ENOENT' | null {
  try {
    fs.mkdirSync(directory, { mode });
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT') return code;
    if (code !== 'EEXIST' || !isDirectory(directory)) throw error;
  }
  return null;
}

function isDirectory(file: string): boolean {
  return fs.statSync(file, { throwIfNoEntry: false })?.isDirectory() === true;
}

function refusal(directory: string): Error {
  const message = `EPERM: its file system makes no directories, mkdir '${directory}'`;
  return Object.assign(new Error(message), { code: 'EPERM', syscall: 'mkdir', path: directory });
}

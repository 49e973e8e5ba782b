/** Directories that may have to be made where nothing can be. */
import * as fs from 'node:fs';
import * as path from 'node:path';

/** Makes `directory` and those above it. Throws the system error that tells why not: EROFS, EACCES, ENOSPC, … */
export function makeDirectory(directory: string): void {
  try {
    fs.mkdirSync(directory, { recursive: true });
  } catch (error) {
    // On a read-only file system Node says only that the parent is not there.
    let parent = path.dirname(directory);
    while (!fs.existsSync(parent)) parent = path.dirname(parent);
    fs.accessSync(parent, fs.constants.W_OK);
    throw error;
  }
}

/** A directory of build results, as cargo creates it. Backups leave it out, and so do lists of a package's sources. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { asideName, createExclusive } from './durable.ts';
import { makeDirectories } from './directories.ts';

const tagName = 'CACHEDIR.TAG';
const tag = `Signature: 8a477f597d28d172789f06886806bc55
# This file is a cache directory tag created by cargo.
# For information about cache directory tags see https://bford.info/cachedir/
`;

/** Creates a directory that backups leave out; false: it is there already, and left as it is. Throws the system error. */
export function makeTagged(directory: string): boolean {
  if (fs.existsSync(directory)) return false;
  // Tagged before it gets its name: killed in between, no untagged directory is left under that name.
  const aside = asideName(directory);
  makeDirectories(aside);
  fs.writeFileSync(path.join(aside, tagName), tag);
  try {
    fs.renameSync(aside, directory);
  } catch (error) {
    fs.rmSync(aside, { recursive: true, force: true });
    if (!fs.existsSync(directory)) throw error;
    return false;
  }
  return true;
}

/** The same for a directory that may be there already. */
export function tagDirectory(directory: string): void {
  const file = path.join(directory, tagName);
  if (fs.existsSync(file)) return;
  makeDirectories(directory);
  createExclusive(file, tag);
}

/**
 * Cargo keeps what it has asked rustc in the build directory, and only if there is one when it ends: so it is created
 * while the process that computes the unit graph runs. Returns how to undo that, for a build that does not take place.
 * Where it cannot be created the build itself will say so.
 */
export function makeRoomForRustcInfo(directory: unknown): () => void {
  if (typeof directory !== 'string') return () => {};
  try {
    if (!makeTagged(directory)) return () => {};
  } catch {
    return () => {};
  }
  return () => {
    for (const name of [tagName, '.rustc_info.json']) fs.rmSync(path.join(directory, name), { force: true });
    try {
      fs.rmdirSync(directory);
    } catch {
      // Somebody else has begun to build in it.
    }
  };
}

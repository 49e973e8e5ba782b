/** Names of files: bytes to the system, texts here. */
import { isUtf8 } from 'node:buffer';
import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import * as path from 'node:path';
import type { NotUtf8 } from '../../nix/nar-grammar.ts';

/** The first name or target of a tree that no text can hold, in the order of a NAR; null: all can be named. */
export function notUtf8In(root: string): NotUtf8 | null {
  return lstatSync(root).isDirectory() ? notUtf8Below(root, '') : null;
}

function notUtf8Below(root: string, directory: string): NotUtf8 | null {
  const entries = readdirSync(path.join(root, directory), { encoding: 'buffer', withFileTypes: true });
  for (const entry of entries.sort((left, right) => Buffer.compare(left.name, right.name))) {
    const name = path.join(directory, entry.name.toString());
    if (!isUtf8(entry.name)) return { what: 'name', path: name };
    if (entry.isSymbolicLink() && !isUtf8(readlinkSync(path.join(root, name), 'buffer')))
      return { what: 'target', path: name };
    const inner = entry.isDirectory() ? notUtf8Below(root, name) : null;
    if (inner !== null) return inner;
  }
  return null;
}

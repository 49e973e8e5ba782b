/** Puts an export into its directory: only files of an earlier export are replaced or removed. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { replaceFile } from '../sys/durable.ts';
import { UserError } from '../sys/errors.ts';
import { copiesDirectory, type Copy } from './copies.ts';
import { builderNames } from '../plan/builders.ts';
import { exportMark } from '../sources/export-mark.ts';
import type { Exported } from './types.ts';
import { makeDirectories } from '../sys/directories.ts';

export interface Written {
  readonly changed: number;
  readonly removed: number;
}

/**
 * Writes what is new or different; a file that is as it should be keeps its stat. Throws `UserError` D0901 where a file
 * stands that no export has written; nothing is changed then.
 */
export function writeExport({ files }: Exported, out: string): Written {
  const ours = earlierFiles(out);
  for (const name of files.keys()) {
    const file = path.join(out, name);
    if (!ours.has(name) && fs.lstatSync(file, { throwIfNoEntry: false }) !== undefined) {
      throw new UserError(
        'D0901',
        `${file} is in the way: it was not written by \`drydock export nix\``,
        'move it, or name another directory with --out',
      );
    }
  }
  let changed = 0;
  for (const [name, contents] of files) if (place(path.join(out, name), contents)) changed++;
  const stale = [...ours].filter((name) => !files.has(name));
  for (const name of stale) remove(out, name);
  return { changed, removed: stale.length };
}

/** Whether anything had to be written. */
function place(file: string, contents: string | Copy): boolean {
  const bytes = typeof contents === 'string' ? Buffer.from(contents) : contents.bytes;
  const mode = typeof contents !== 'string' && contents.executable ? 0o755 : 0o644;
  const stat = fs.lstatSync(file, { throwIfNoEntry: false });
  const same = stat?.isFile() === true && (stat.mode & 0o100) === (mode & 0o100);
  if (same && fs.readFileSync(file).equals(bytes)) return false;
  makeDirectories(path.dirname(file));
  replaceFile(file, bytes, mode);
  return true;
}

/** Files of an earlier export, relative to its directory. */
function earlierFiles(out: string): ReadonlySet<string> {
  const found = new Set<string>();
  const settings = isMarked(path.join(out, 'settings.nix'));
  for (const name of namesIn(out)) {
    if (name.endsWith('.nix') && isMarked(path.join(out, name))) found.add(name);
    // These carry no mark of their own.
    if (settings && builderNames.includes(name)) found.add(name);
  }
  for (const name of namesIn(path.join(out, 'derivations'))) {
    const inner = `derivations/${name}`;
    if (name.endsWith('.nix') && isMarked(path.join(out, inner))) found.add(inner);
  }
  for (const tree of settings ? namesIn(path.join(out, copiesDirectory)) : []) {
    const directory = path.join(out, copiesDirectory, tree);
    if (!/^[0-9a-z]{32}-/.test(tree) || !fs.lstatSync(directory).isDirectory()) continue;
    for (const entry of fs.readdirSync(directory, { recursive: true, withFileTypes: true })) {
      if (!entry.isDirectory()) found.add(path.relative(out, path.join(entry.parentPath, entry.name)));
    }
  }
  return found;
}

function namesIn(directory: string): readonly string[] {
  return fs.existsSync(directory) ? fs.readdirSync(directory) : [];
}

function isMarked(file: string): boolean {
  const stat = fs.lstatSync(file, { throwIfNoEntry: false });
  return stat?.isFile() === true && fs.readFileSync(file, 'utf8').startsWith(exportMark);
}

/** Removes the file and the directories that it leaves empty. */
function remove(out: string, name: string): void {
  fs.rmSync(path.join(out, name));
  for (let directory = path.dirname(name); directory !== '.'; directory = path.dirname(directory)) {
    if (fs.readdirSync(path.join(out, directory)).length > 0) return;
    fs.rmdirSync(path.join(out, directory));
  }
}

/**
 * What this user keeps about paths in a store that is not theirs: the log of each derivation that was built here, and
 * which outputs were inspected and accepted. An output that Nix takes for valid may still break a rule of the one who
 * wants it, or may hold a lesson, and it may have been built by somebody else.
 */
import { readFileSync, rmSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { baseName } from '../../nix/store-path.ts';
import type { DrvPath, StorePath } from '../../nix/types.ts';
import { replaceFile } from '../../sys/durable.ts';
import { errnoOf } from '../../sys/errors.ts';
import { makeDirectories } from '../../sys/directories.ts';

export class DaemonState {
  readonly directory: string;

  /** Made when first written to. */
  constructor(directory: string) {
    this.directory = directory;
  }

  accepted(outPath: StorePath): boolean {
    return statSync(this.#mark(outPath), { throwIfNoEntry: false }) !== undefined;
  }

  accept(outPath: StorePath): void {
    this.#write(this.#mark(outPath), '');
  }

  writeLog(drvPath: DrvPath, lines: readonly string[]): void {
    this.#write(this.#log(drvPath), lines.map((line) => `${line}\n`).join(''));
  }

  /** Lines of the last log; null: not built here. */
  readLog(drvPath: DrvPath): readonly string[] | null {
    try {
      const lines = readFileSync(this.#log(drvPath), 'utf8').split('\n');
      // What comes after the last line's end is no line.
      lines.pop();
      return lines;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return null;
      throw error;
    }
  }

  /** Remembers how the last build that asked for mounts fared; why it had none, empty: nobody said. */
  mountsWere(granted: true | string): void {
    const file = refusalFile(this.directory);
    if (granted === true) rmSync(file, { force: true });
    else this.#write(file, granted);
  }

  /** Where a path of a store on another machine is unpacked. */
  copyOf(storePath: StorePath): string {
    return path.join(this.directory, 'copies', baseName(storePath));
  }

  #mark(outPath: StorePath): string {
    return path.join(this.directory, 'accepted', baseName(outPath));
  }

  #log(drvPath: DrvPath): string {
    return path.join(this.directory, 'logs', baseName(drvPath));
  }

  #write(file: string, text: string): void {
    try {
      replaceFile(file, text);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
      makeDirectories(path.dirname(file));
      replaceFile(file, text);
    }
  }
}

/** Why the last build that asked for cache mounts had none (empty: nobody said); null: it had them, or none asked. */
export function lastRefusal(directory: string): string | null {
  try {
    return readFileSync(refusalFile(directory), 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return null;
    throw error;
  }
}

function refusalFile(directory: string): string {
  return path.join(directory, 'refused');
}

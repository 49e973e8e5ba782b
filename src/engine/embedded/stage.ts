/**
 * The directory that a sandbox sees as `/nix/store`: hard links of the closure's files, bound once. One bind per path
 * would cost more than the rest of the sandbox (400 binds: 268 ms).
 */
import {
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import * as path from 'node:path';
import { baseName } from '../../nix/store-path.ts';
import { type StorePath, storeDir } from '../../nix/types.ts';
import { errnoOf } from '../../sys/errors.ts';
import type { Bind } from './sandbox.ts';
import { makeDirectories } from '../../sys/directories.ts';

export interface StageInput {
  readonly path: StorePath;
  /** Where it lies on the host. Several: it is moving from one to the next, only ever forward. */
  readonly places: readonly string[];
  /** The one file of it that is shown; null: all of it. */
  readonly only: string | null;
  /** A large directory of the host, or of its Nix store: bound, never walked. */
  readonly bound: boolean;
}

/** Trees with more files than this are bound instead of linked. */
const linkedAtMost = 24;

/** Fills the new directory `directory`; answers what must be bound below it. */
export function fillStage(directory: string, inputs: readonly StageInput[], outPath: StorePath): readonly Bind[] {
  const binds: Bind[] = [];
  makeDirectories(path.join(directory, baseName(outPath)));
  for (const input of inputs) {
    const target = path.join(directory, baseName(input.path));
    if (input.only !== null) {
      mkdirSync(target);
      if (!linkFirst(input.places, input.only, path.join(target, input.only)))
        throw new Error(`${input.only} is in none of ${input.places.join(', ')}`);
      continue;
    }
    const place = input.places.at(-1);
    if (place === undefined) throw new Error(`no place of ${input.path}`);
    const stat = lstatSync(place);
    if (stat.isDirectory() && (input.bound || !fewFiles(place))) {
      mkdirSync(target);
      binds.push({ from: place, to: input.path });
    } else if (input.bound && !stat.isSymbolicLink()) {
      writeFileSync(target, '');
      binds.push({ from: place, to: input.path });
    } else {
      linkTree(place, target);
    }
  }
  return binds;
}

/**
 * Fills the new directory `directory` with the files that become `/build/deps`; `files`: their store paths. Not symlinks:
 * rustc resolves these, and compiles every codegen unit again when a library's own path has changed.
 */
export function fillDependencies(directory: string, files: readonly string[], inputs: readonly StageInput[]): void {
  mkdirSync(directory);
  const places = new Map(inputs.map((input) => [input.path, input.places]));
  for (const file of files) {
    const end = file.indexOf('/', storeDir.length + 1);
    const [owner, name] = [file.slice(0, end) as StorePath, file.slice(end + 1)];
    const target = path.join(directory, path.basename(file));
    // What is not there is for the builder to miss, as it would without this directory.
    if (!linkFirst(places.get(owner) ?? [], name, target)) symlinkSync(file, target);
  }
}

/** Links the file from the first place that has it; false: none has. It moves only forward, so one pass cannot miss it. */
function linkFirst(places: readonly string[], name: string, target: string): boolean {
  for (const place of places) {
    try {
      linkOrCopy(path.join(place, name), target);
      return true;
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }
  return false;
}

function linkTree(from: string, to: string): void {
  const stat = lstatSync(from);
  if (stat.isSymbolicLink()) {
    symlinkSync(readlinkSync(from), to);
  } else if (stat.isDirectory()) {
    mkdirSync(to);
    for (const name of readdirSync(from)) linkTree(path.join(from, name), path.join(to, name));
  } else {
    linkOrCopy(from, to);
  }
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    const code = errnoOf(error);
    if (code !== 'EXDEV' && code !== 'EMLINK' && code !== 'EPERM' && code !== 'EOPNOTSUPP') throw error;
    copyFileSync(from, to);
  }
}

/** Whether a tree has at most `linkedAtMost` entries. */
function fewFiles(directory: string): boolean {
  let left = linkedAtMost;
  const walk = (at: string): boolean => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      left--;
      if (left < 0) return false;
      if (entry.isDirectory() && !walk(path.join(at, entry.name))) return false;
    }
    return true;
  };
  return walk(directory);
}

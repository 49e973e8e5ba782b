/** Lists of files below a directory. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { storeDir } from '../nix/types.ts';
import { exportMark, exportMarkFile } from './export-mark.ts';
import type { FileCache } from './file-cache.ts';
import { isOutOfReach } from './file-stat.ts';
import { IgnoreRules } from './git-ignore.ts';

/** Of the file that cargo puts into a target directory (Cache Directory Tagging Specification). */
const cacheSignature = 'Signature: 8a477f597d28d172789f06886806bc55';

export interface WalkOptions {
  /** Rules for the directory that the walk begins in; null: nothing is ignored. */
  readonly rules: IgnoreRules | null;
  /** Directories with a manifest of their own are other packages. */
  readonly skipNestedPackages: boolean;
  /** Absolute directories that are left out wherever they are met. */
  readonly skip: ReadonlySet<string>;
}

interface State {
  readonly cache: FileCache;
  readonly options: WalkOptions;
  readonly found: string[];
  /** Identities of the directories from the start down to here: a link to one of them is a loop. */
  readonly above: Set<string>;
}

/**
 * Absolute paths of the regular files below `directory`, links followed, sorted by directory. Left out: `.git`, cache
 * directories (`target/`), exports of drydock's own, links that lead back up or into the store, and what this user may not read.
 */
export function filesBelow(directory: string, cache: FileCache, options: WalkOptions): string[] {
  const above = new Set<string>();
  for (let parent = path.dirname(directory); ; parent = path.dirname(parent)) {
    const stat = cache.statUnwatched(parent);
    if (stat !== null) above.add(stat.identity);
    if (parent === path.dirname(parent)) break;
  }
  const state: State = { cache, options, found: [], above };
  walk(directory, true, options.rules, state);
  return state.found;
}

function walk(directory: string, isStart: boolean, outer: IgnoreRules | null, state: State): void {
  const { cache, options, above } = state;
  const stat = cache.stat(directory);
  if (stat === null || above.has(stat.identity)) return;
  const entries = list(directory);
  const names = new Set(entries.map((entry) => entry.name));
  if (!isStart && options.skipNestedPackages && names.has('Cargo.toml')) return;
  if (names.has('CACHEDIR.TAG') && isCacheDirectory(directory)) return;
  if (!isStart && names.has(exportMarkFile) && isExport(directory)) return;
  const hasRules = !isStart && outer !== null && names.has('.gitignore');
  const rules = hasRules ? outer.enter(directory, (file) => readText(file, cache)) : outer;
  above.add(stat.identity);
  for (const entry of entries) visit(path.join(directory, entry.name), entry, rules, state);
  above.delete(stat.identity);
}

function visit(file: string, entry: fs.Dirent, rules: IgnoreRules | null, state: State): void {
  if (entry.name === '.git' || state.options.skip.has(file)) return;
  if (rules?.ignores(file, entry.isDirectory()) === true) return;
  if (entry.isDirectory()) {
    walk(file, false, rules, state);
    return;
  }
  if (!entry.isFile() && !entry.isSymbolicLink()) return;
  const kind = state.cache.stat(file)?.kind;
  if (kind === 'file') state.found.push(file);
  else if (kind === 'directory' && !leadsToStore(file)) walk(file, false, rules, state);
}

/** In order of the names' code units, so that lists do not depend on the file system. */
function list(directory: string): fs.Dirent[] {
  try {
    const entries = fs.readdirSync(directory, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (isOutOfReach(error)) return [];
    throw error;
  }
}

function isCacheDirectory(directory: string): boolean {
  return readFile(path.join(directory, 'CACHEDIR.TAG'))?.startsWith(cacheSignature) === true;
}

function isExport(directory: string): boolean {
  return readFile(path.join(directory, exportMarkFile))?.startsWith(exportMark) === true;
}

/** `result` links of Nix builds. */
function leadsToStore(link: string): boolean {
  return fs.realpathSync(link).startsWith(`${storeDir}/`);
}

/** Text of a file that the listing rests on; null: there is none. */
export function readText(file: string, cache: FileCache): string | null {
  cache.watch(file);
  return readFile(file);
}

function readFile(file: string): string | null {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (isOutOfReach(error)) return null;
    throw error;
  }
}

/** The files of a path package: everything below its root by git's rules, without other packages and `target/`. */
export function packageFiles(root: string, workspaceRoot: string, cache: FileCache): string[] {
  const inWorkspace = root === workspaceRoot || root.startsWith(`${workspaceRoot}/`);
  const top = inWorkspace ? workspaceRoot : root;
  const rules = IgnoreRules.around(root, top, (file) => readText(file, cache));
  const skip = new Set([path.join(workspaceRoot, 'target'), path.join(root, 'target')]);
  return filesBelow(root, cache, { rules, skipNestedPackages: true, skip });
}

/** Every file below a directory that was named: nobody asks git. */
export function allFiles(directory: string, workspaceRoot: string, cache: FileCache): string[] {
  const skip = new Set([path.join(workspaceRoot, 'target')]);
  return filesBelow(directory, cache, { rules: null, skipNestedPackages: false, skip });
}

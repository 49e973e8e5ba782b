/** Which files of path and git packages a unit reads. A function of the files and the record, never of build history. */
import * as path from 'node:path';
import type { Package } from '../cargo/types.ts';
import { declaredInputs, filesOfGlob } from './declared-inputs.ts';
import type { FileCache } from './file-cache.ts';
import { linkable, linkableBelow } from './linkable.ts';
import { type Scan, scanCrate } from './scan.ts';
import { pathsInScript } from './script-paths.ts';
import type { SourceRequest } from './types.ts';
import { allFiles, packageFiles } from './walk.ts';

export interface LocalClosure {
  /** The directory that the tree's root stands for. */
  readonly root: string;
  /** Relative to `root` -> absolute. */
  readonly files: ReadonlyMap<string, string>;
  readonly env: readonly string[];
  readonly programs: readonly string[];
  readonly repository: boolean;
}

/** Lists and scans that several units of one pass share. */
export interface Lists {
  packageFiles(pkg: Package): readonly string[];
  scan(entry: string, pkg: Package): Scan;
}

export function makeLists(workspaceRoot: string, cache: FileCache): Lists {
  const files = new Map<string, readonly string[]>();
  const scans = new Map<string, Scan>();
  return {
    packageFiles: (pkg) => {
      const isGit = pkg.source.kind === 'git';
      const list = () => (isGit ? gitFiles(pkg, workspaceRoot, cache) : packageFiles(pkg.root, workspaceRoot, cache));
      return remember(files, pkg.root, list);
    },
    scan: (entry, pkg) => remember(scans, `${pkg.root}\0${entry}`, () => scanCrate(entry, pkg.root, cache)),
  };
}

function remember<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const value = make();
  map.set(key, value);
  return value;
}

/** All files of the package's directory but cargo's own mark of a finished checkout. */
function gitFiles(pkg: Package, workspaceRoot: string, cache: FileCache): string[] {
  return allFiles(pkg.root, workspaceRoot, cache).filter((file) => path.basename(file) !== '.cargo-ok');
}

/**
 * The files of one request. Where a file above the tree's usual root is named (by the text, a declared glob, or a record
 * entry that begins with `../`), the root is the nearest common ancestor, as far up as `ceiling` allows.
 * Record entries are relative to the root that the text and the globs give.
 */
export function localClosure(
  request: SourceRequest,
  workspaceRoot: string,
  cache: FileCache,
  lists: Lists,
): LocalClosure {
  const base = usualRoot(request.package, workspaceRoot);
  const ceiling = ceilingOf(request.package);
  const chosen = new Map<string, string>();
  const scan = request.purpose === 'compile' ? lists.scan(request.entry, request.package) : null;
  if (scan !== null) for (const [plain, file] of scan.files) chosen.set(plain, file);
  const globs = declaredInputs(request.package);
  for (const glob of globs ?? []) {
    for (const file of filesOfGlob(glob, request.package.root, workspaceRoot, cache)) add(chosen, file);
  }
  if (wantsWholePackage(request, scan, globs !== null)) {
    for (const file of lists.packageFiles(request.package)) add(chosen, file);
  }
  if (request.purpose === 'run' && request.record.rerun === null && request.package.source.kind === 'path') {
    const texts = lists.scan(request.entry, request.package).files.values();
    for (const file of pathsInScript(texts, request.package.root, workspaceRoot, cache)) add(chosen, file);
  }
  const scannedRoot = commonRoot(base, ceiling, chosen.keys());
  for (const file of recorded(request, scannedRoot, workspaceRoot, cache)) add(chosen, file);
  if (scan !== null) for (const file of heldOpen(scan.passed, chosen, workspaceRoot, cache)) add(chosen, file);
  const root = commonRoot(scannedRoot, ceiling, chosen.keys());
  const files = new Map<string, string>();
  for (const [plain, file] of chosen) if (isBelow(plain, root)) files.set(path.posix.relative(root, plain), file);
  if (scan !== null) return { root, files, env: scan.env, programs: [], repository: false };
  const { asked, programs, repository } = lists.scan(request.entry, request.package);
  return { root, files, env: asked, programs, repository };
}

function wantsWholePackage(request: SourceRequest, scan: Scan | null, declared: boolean): boolean {
  const { record } = request;
  if (record.wholePackage || request.package.source.kind === 'git') return true;
  if (request.purpose === 'run') return record.rerun === null;
  return scan?.dynamic === true || (request.macroReadsFiles && !declared);
}

/** Files that the record names; a directory stands for all below it. What is not there is left out. */
function recorded(request: SourceRequest, root: string, workspaceRoot: string, cache: FileCache): string[] {
  const entries = [...request.record.files, ...(request.purpose === 'run' ? (request.record.rerun ?? []) : [])];
  return entries.flatMap((entry) => {
    const file = path.resolve(root, entry);
    if (path.basename(file) === linkableBelow) return linkableFiles(path.dirname(file), cache);
    const kind = cache.stat(file)?.kind;
    if (kind === 'directory') return allFiles(file, workspaceRoot, cache);
    return kind === 'file' ? [file] : [];
  });
}

function linkableFiles(directory: string, cache: FileCache): string[] {
  cache.watch(directory);
  return linkable(directory).filter((file) => cache.isFile(file));
}

/** A tree has no empty directories: one file stands in each that a path passes through. */
function heldOpen(
  passed: ReadonlySet<string>,
  chosen: ReadonlyMap<string, string>,
  workspaceRoot: string,
  cache: FileCache,
): string[] {
  const held: string[] = [];
  for (const directory of passed) {
    if ([...chosen.keys()].some((file) => isBelow(file, directory))) continue;
    const first = allFiles(directory, workspaceRoot, cache)[0];
    if (first !== undefined) held.push(first);
  }
  return held;
}

/** Workspace root for packages below it, else the package's own. */
export function usualRoot(pkg: Package, workspaceRoot: string): string {
  const inWorkspace = pkg.root === workspaceRoot || isBelow(pkg.root, workspaceRoot);
  return pkg.source.kind === 'path' && inWorkspace ? workspaceRoot : pkg.root;
}

/** null: no ceiling but the file system's root. */
function ceilingOf(pkg: Package): string | null {
  return pkg.source.kind === 'git' ? pkg.source.checkout : null;
}

/** The nearest ancestor of `base` that holds all files which it may hold. */
function commonRoot(base: string, ceiling: string | null, files: Iterable<string>): string {
  let root = base;
  for (const file of files) {
    if (isBelow(file, root)) continue;
    let wider = root;
    while (!isBelow(file, wider) && wider !== '/') wider = path.posix.dirname(wider);
    const allowed = ceiling === null ? wider !== '/' : wider === ceiling || isBelow(wider, ceiling);
    if (allowed) root = ceiling ?? wider;
  }
  return root;
}

function isBelow(file: string, directory: string): boolean {
  return file.startsWith(directory.endsWith('/') ? directory : `${directory}/`);
}

function add(chosen: Map<string, string>, file: string): void {
  if (!chosen.has(file)) chosen.set(file, file);
}

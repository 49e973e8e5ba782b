/** The files that a crate's text names, from its root on. */
import * as path from 'node:path';
import type { Facts, IncludeFact, ModuleFact } from './facts.ts';
import type { FileCache } from './file-cache.ts';

/** The facts of all files together, with the files in place of what names them. */
export interface Scan extends Omit<Facts, 'modules' | 'includes'> {
  /** Absolute path without `..` -> the path as rustc would open it. */
  readonly files: ReadonlyMap<string, string>;
  /** Directories that a path passes through (`a/../b.rs`): they must exist for the path to work. */
  readonly passed: ReadonlySet<string>;
}

/** A file in the role of a module; `stem`: directory name that it adds for its modules, null for `mod.rs` and its like. */
interface Context {
  readonly directory: string;
  readonly stem: string | null;
}

/**
 * Follows modules and includes. Files that are not there are left out: rustc will say so, or a `cfg` hides them.
 * Both `x.rs` and `x/mod.rs` are taken where both exist, so that rustc sees the ambiguity.
 */
export function scanCrate(entry: string, packageRoot: string, cache: FileCache): Scan {
  const scanner = new Scanner(packageRoot, cache);
  scanner.visit(entry, null);
  return scanner.result();
}

class Scanner {
  readonly #packageRoot: string;
  readonly #cache: FileCache;
  readonly #files = new Map<string, string>();
  readonly #passed = new Set<string>();
  readonly #env = new Set<string>();
  readonly #asked = new Set<string>();
  readonly #programs = new Set<string>();
  readonly #seen = new Set<string>();
  readonly #contexts: Context[] = [];
  readonly #floatingModules: ModuleFact[] = [];
  readonly #floatingIncludes: IncludeFact[] = [];
  #dynamic = false;
  #repository = false;

  constructor(packageRoot: string, cache: FileCache) {
    this.#packageRoot = packageRoot;
    this.#cache = cache;
  }

  result(): Scan {
    return {
      files: this.#files,
      passed: this.#passed,
      env: [...this.#env].sort(),
      asked: [...this.#asked].sort(),
      programs: [...this.#programs].sort(),
      dynamic: this.#dynamic,
      repository: this.#repository,
    };
  }

  /** A Rust file. */
  visit(file: string, stem: string | null): void {
    if (!this.#add(file)) return;
    const key = `${path.normalize(file)}\0${stem ?? ''}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    const facts = this.#cache.facts(file);
    if (facts === null) return;
    if (facts.dynamic) this.#dynamic = true;
    for (const name of facts.env) this.#env.add(name);
    for (const name of facts.asked) this.#asked.add(name);
    for (const name of facts.programs) this.#programs.add(name);
    this.#repository ||= facts.repository;
    this.#enter({ directory: path.posix.dirname(file), stem }, facts);
  }

  #enter(context: Context, facts: Facts): void {
    this.#contexts.push(context);
    for (const module of this.#floatingModules) this.#module(module, context);
    for (const include of this.#floatingIncludes) this.#include(include, context);
    for (const module of facts.modules) {
      if (module.floating) this.#floatingModules.push(module);
      for (const other of module.floating ? this.#contexts : [context]) this.#module(module, other);
    }
    for (const include of facts.includes) {
      if (include.floating) this.#floatingIncludes.push(include);
      for (const other of include.floating ? this.#contexts : [context]) this.#include(include, other);
    }
  }

  #module(module: ModuleFact, context: Context): void {
    const base = module.inStem && context.stem !== null ? `${context.directory}/${context.stem}` : context.directory;
    const target = below(base, module.path);
    if (!module.byName) {
      this.visit(target, null);
      return;
    }
    this.visit(`${target}.rs`, path.posix.basename(target));
    this.visit(`${target}/mod.rs`, null);
  }

  /** An absolute path is followed only into the package: elsewhere the sandbox could not show it in its place. */
  #include(include: IncludeFact, context: Context): void {
    if (include.path.startsWith('/') && include.base === 'file' && !include.path.startsWith(`${this.#packageRoot}/`))
      return;
    const target =
      include.base === 'manifest' ? this.#packageRoot + include.path : below(context.directory, include.path);
    if (include.isRust) this.visit(target, null);
    else this.#add(target);
  }

  #add(file: string): boolean {
    if (!this.#cache.isFile(file)) return false;
    const plain = path.posix.normalize(file);
    if (!this.#files.has(plain)) this.#files.set(plain, file);
    if (plain !== file) for (const directory of passedDirectories(file)) this.#passed.add(directory);
    return true;
  }
}

function below(directory: string, file: string): string {
  return file.startsWith('/') ? file : `${directory}/${file}`;
}

/** `/p/a/../b` passes through `/p/a`. */
function passedDirectories(file: string): string[] {
  const found: string[] = [];
  let prefix = '';
  for (const part of file.split('/').slice(1)) {
    if (part === '..') found.push(path.posix.normalize(prefix));
    prefix += `/${part}`;
  }
  return found;
}

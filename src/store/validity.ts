/** Which paths are valid, from their records and the stats of their files. */
import { lstatSync, readFileSync } from 'node:fs';
import { errnoOf } from '../sys/errors.ts';
import type { StorePath } from '../nix/types.ts';
import { recall } from './answers.ts';
import type { Layout } from './layout.ts';
import { type FileStat, type PathRecord, canonicalSeconds, parseRecord } from './record.ts';
import type { StoreWarning } from './types.ts';

/** One question, while it is answered. */
interface Look {
  readonly known: Map<StorePath, boolean>;
  readonly recalled: ReadonlyMap<StorePath, PathRecord> | null;
  readonly read: PathRecord[];
}

/** Reads records and compares contents with them. Keeps warnings, each fact once. */
export class Records {
  readonly #layout: Layout;
  readonly #warned = new Set<string>();
  #warnings: StoreWarning[] = [];
  /** Where host directories lie, and null for paths seen to lie in the store: that of a path never changes its kind. */
  readonly #from = new Map<StorePath, string | null>();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** The record of `path` in whichever lane; null: none that can be used. */
  read(path: StorePath): PathRecord | null {
    const record = this.readFile(this.#layout.record('pure', path)) ?? this.readFile(this.#layout.record('dev', path));
    // Another name with the same hash part cannot come about by itself: such a record was tampered with.
    if (record === null || record.path !== path) return null;
    this.#from.set(path, record.from);
    return record;
  }

  /** Reads one record file; what is damaged counts as not there and is warned of. */
  readFile(file: string): PathRecord | null {
    // Most paths of a first build have no record: an exception for each costs more than a look.
    if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return null;
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      const code = errnoOf(error);
      if (code !== 'ENOENT' && code !== 'ENOTDIR')
        this.#warn(file, { kind: 'record-unreadable', file, why: code ?? 'cannot be read' });
      return null;
    }
    const record = parseRecord(text);
    if (typeof record !== 'string') return record;
    this.#warn(file, { kind: 'record-unreadable', file, why: record });
    return null;
  }

  /** Those of `paths` that are recorded, as they were recorded, and (outputs of the pure lane) whose references are valid too. */
  valid(paths: readonly StorePath[]): Set<StorePath> {
    const answer = recall(this.#layout, paths);
    const look: Look = { known: new Map(), recalled: answer?.records ?? null, read: [] };
    const valid = new Set<StorePath>();
    for (const path of paths) if (this.#isValid(path, look)) valid.add(path);
    if (answer?.records === null && valid.size === paths.length) answer.keep(look.read);
    return valid;
  }

  /** What is different from the record: a file's name within the path; null: nothing. */
  changedFile(record: PathRecord): string | null {
    if (record.origin === 'host-directory') {
      return lstatSync(record.from ?? '', { throwIfNoEntry: false }) === undefined ? '' : null;
    }
    const content = this.#layout.content(record.path);
    if (record.files.length === 0) {
      return lstatSync(content, { throwIfNoEntry: false })?.isDirectory() === true ? null : '';
    }
    for (const file of record.files) if (!isAsRecorded(content, file)) return file[0];
    return null;
  }

  hostPath(path: StorePath): string {
    let from = this.#from.get(path);
    if (from === undefined) from = this.read(path)?.from ?? null;
    return from ?? this.#layout.content(path);
  }

  /** To be called when a record was written or removed by this process. */
  forget(path: StorePath): void {
    this.#from.delete(path);
    this.#warned.delete(path);
  }

  takeWarnings(): StoreWarning[] {
    const warnings = this.#warnings;
    this.#warnings = [];
    return warnings;
  }

  #isValid(path: StorePath, look: Look): boolean {
    const before = look.known.get(path);
    if (before !== undefined) return before;
    // References may go in a circle only through the path itself: the answer that is being found out counts as yes.
    look.known.set(path, true);
    const answer = this.#findOut(path, look);
    look.known.set(path, answer);
    return answer;
  }

  #findOut(path: StorePath, look: Look): boolean {
    const record = look.recalled?.get(path) ?? this.read(path);
    if (record === null) return false;
    look.read.push(record);
    this.#from.set(path, record.from);
    const file = this.changedFile(record);
    if (file !== null) {
      if (record.origin !== 'host-directory') this.#warn(path, { kind: 'content-changed', path, file });
      return false;
    }
    if (record.origin !== 'output' || record.lane !== 'pure') return true;
    return record.references.every((reference) => this.#isValid(reference, look));
  }

  #warn(fact: string, warning: StoreWarning): void {
    if (this.#warned.has(fact)) return;
    this.#warned.add(fact);
    this.#warnings.push(warning);
  }
}

/**
 * A write through any hard link of a file sets its mtime, and a file that took its place has another inode. Permission
 * bits count as far as a NAR holds them.
 */
function isAsRecorded(content: string, [name, kind, size, inode, mtime]: FileStat): boolean {
  const stat = lstatSync(name === '' ? content : `${content}/${name}`, { throwIfNoEntry: false });
  if (stat === undefined || stat.size !== size || stat.ino !== inode) return false;
  if (stat.mtimeMs !== (mtime ?? canonicalSeconds * 1000)) return false;
  if (kind === 'l') return stat.isSymbolicLink();
  return stat.isFile() && ((stat.mode & 0o100) !== 0) === (kind === 'x');
}

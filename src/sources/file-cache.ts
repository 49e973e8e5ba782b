/** Stats, hashes and facts of files; contents are read only where a stat is new. */
import * as fs from 'node:fs';
import { sha256 } from '../nix/hash.ts';
import type { Sha256 } from '../nix/types.ts';
import { type Facts, readFacts } from './facts.ts';
import { type FileStat, isOutOfReach, statFile } from './file-stat.ts';
import type { Memory } from './memory.ts';
import { mentionsFiles, mentionsVersion } from './mentions.ts';

/** Clocks of file systems tick at most this coarsely (FAT: 2 s). */
const granuleMs = 2000;
/** Contents are kept from the hash to the NAR up to this many bytes. */
const maxKept = 64 * 1024 * 1024;

/** A file that is not what it was a moment ago: look again. */
export class ChangedMeanwhile extends Error {
  readonly file: string;

  constructor(file: string) {
    super(`changed while it was read: ${file}`);
    this.file = file;
  }
}

/**
 * All looks between two calls of `forget` see one state of each file.
 *
 * A file that changed within one tick of the clock before it was hashed could change once more without a new stat.
 * As in git's index, such an entry is stored as racy, and the next process reads the file again.
 */
export class FileCache {
  readonly #memory: Memory;
  readonly #stats = new Map<string, FileStat | null>();
  readonly #hashes = new Map<string, Sha256 | null>();
  readonly #contents = new Map<string, Buffer>();
  readonly #watched = new Set<string>();
  #kept = 0;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  /** Every path that was looked at and that the next plan must look at again. Absence counts too. */
  watched(): readonly string[] {
    return [...this.#watched];
  }

  unwatch(): void {
    this.#watched.clear();
  }

  watch(file: string): void {
    this.#watched.add(file);
  }

  stat(file: string): FileStat | null {
    this.#watched.add(file);
    return this.statUnwatched(file);
  }

  statUnwatched(file: string): FileStat | null {
    const known = this.#stats.get(file);
    if (known !== undefined) return known;
    const stat = statFile(file);
    this.#stats.set(file, stat);
    return stat;
  }

  isFile(file: string): boolean {
    return this.stat(file)?.kind === 'file';
  }

  /** Hash of a file that `stat` saw; null: this user may not read it. */
  hash(file: string): Sha256 | null {
    const known = this.#hashes.get(file);
    if (known !== undefined) return known;
    const digest = this.#hashByStat(file);
    this.#hashes.set(file, digest);
    return digest;
  }

  #hashByStat(file: string): Sha256 | null {
    const stat = this.statUnwatched(file);
    if (stat === null) return null;
    const entry = this.#memory.files.get(file);
    if (entry?.key === stat.key && !entry.racy) return entry.sha256;
    const racy = this.isRacy(stat);
    const contents = this.#read(file);
    if (contents === null) return null;
    const digest = sha256(contents);
    this.#memory.files.set(file, { key: stat.key, sha256: digest, racy });
    return digest;
  }

  /** Whether a file with this stat may still change without a new one. To be asked before its contents are read. */
  isRacy(stat: FileStat): boolean {
    return stat.changed > Date.now() - granuleMs;
  }

  /** As `hash`, for files whose package remembers that they were verified. */
  hashUnremembered(file: string): Sha256 | null {
    const contents = this.statUnwatched(file)?.kind === 'file' ? this.#read(file) : null;
    const digest = contents === null ? null : sha256(contents);
    this.#hashes.set(file, digest);
    return digest;
  }

  /** Contents that have the hash which `hash` told. Throws `ChangedMeanwhile` where they no longer do. */
  contents(file: string): Buffer {
    const kept = this.#contents.get(file);
    if (kept !== undefined) return kept;
    const contents = this.#read(file);
    if (contents === null || sha256(contents) !== this.hash(file)) throw new ChangedMeanwhile(file);
    return contents;
  }

  /** null: this user may not read the file. */
  facts(file: string): Facts | null {
    const digest = this.hash(file);
    if (digest === null) return null;
    const known = this.#memory.facts.get(digest);
    if (known !== undefined) return known;
    const facts = readFacts(this.contents(file));
    this.#memory.facts.set(digest, facts);
    return facts;
  }

  /** `digest`: what the file's hash is known to be; it is read only if nothing is known of that. */
  mentions(file: string, digest: Sha256 | null = this.hash(file)): boolean {
    if (digest === null) return false;
    const key = `${digest}.${mentionsVersion}`;
    const known = this.#memory.mentions.get(key);
    if (known !== undefined) return known;
    const contents = this.#contents.get(file) ?? this.#read(file);
    if (contents === null) return false;
    const mentions = mentionsFiles(contents);
    if (sha256(contents) === digest) this.#memory.mentions.set(key, mentions);
    return mentions;
  }

  /** Contents that were kept for the NAR go. */
  release(): void {
    this.#contents.clear();
    this.#kept = 0;
  }

  /** The next look is at the files as they then are. */
  forget(): void {
    this.release();
    this.#stats.clear();
    this.#hashes.clear();
  }

  #read(file: string): Buffer | null {
    let contents: Buffer;
    try {
      contents = fs.readFileSync(file);
    } catch (error) {
      if (isOutOfReach(error)) return null;
      throw error;
    }
    if (this.#kept + contents.length <= maxKept) {
      this.#contents.set(file, contents);
      this.#kept += contents.length;
    }
    return contents;
  }
}

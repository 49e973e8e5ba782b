/** What earlier runs learned about files, on disk. Losing it costs time, never correctness. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { sha256 } from '../nix/hash.ts';
import type { Sha256, StorePath } from '../nix/types.ts';
import type { Facts } from './facts.ts';
import { makeDirectories } from '../sys/directories.ts';

/** Bump when the meaning of anything below changes, the scanner's rules included. */
const formatVersion = 4;
/** Entries that no build has used for this long are dropped. */
const keepDays = 30;

/** What is known of a file while its stat key stays the same. `racy`: true until read again, see `FileCache`. */
export interface FileEntry {
  readonly key: string;
  readonly sha256: Sha256;
  readonly racy: boolean;
}

/** A vendored package that was verified, and stays so while its files keep their stats. */
export interface VendoredEntry {
  /** Hash of the checksum file and of the stats of all files that it lists. */
  readonly stamp: Sha256;
  readonly path: StorePath;
}

/** Values with the day of their last use, in the shape in which they are stored. */
export class Table<Value> {
  readonly #entries: Record<string, [value: Value, day: number]>;
  readonly #today: number;
  changed = false;

  constructor(today: number, stored: unknown) {
    this.#today = today;
    this.#entries = isRecord(stored) ? (stored as Record<string, [Value, number]>) : {};
  }

  get(key: string): Value | undefined {
    if (!Object.hasOwn(this.#entries, key)) return undefined;
    const entry = this.#entries[key];
    if (entry === undefined) return undefined;
    if (entry[1] !== this.#today) {
      entry[1] = this.#today;
      this.changed = true;
    }
    return entry[0];
  }

  set(key: string, value: Value): void {
    this.#entries[key] = [value, this.#today];
    this.changed = true;
  }

  /** What was used lately. */
  toJSON(): Record<string, [Value, number]> {
    const recent = Object.entries(this.#entries).filter(([, entry]) => this.#today - entry[1] <= keepDays);
    return Object.fromEntries(recent);
  }
}

/** One file with tables in it. */
class Shelf {
  readonly #file: string;
  readonly #stored: Record<string, unknown>;
  readonly #today = Math.floor(Date.now() / 86_400_000);
  readonly #tables = new Map<string, { changed: boolean }>();

  constructor(file: string) {
    this.#file = file;
    this.#stored = read(file);
  }

  table<Value>(name: string): Table<Value> {
    const table = new Table<Value>(this.#today, this.#stored[name]);
    this.#tables.set(name, table);
    return table;
  }

  /**
   * Writes aside and renames; nothing if nothing was learned. Two processes at once: the later one's file stays. In a
   * directory that cannot be written nothing is kept: the next build reads again.
   */
  save(): void {
    const tables = [...this.#tables.values()];
    if (!tables.some((table) => table.changed)) return;
    const body = JSON.stringify({ version: formatVersion, ...Object.fromEntries(this.#tables) });
    const aside = `${this.#file}.${process.pid}.new`;
    try {
      makeDirectories(path.dirname(this.#file));
      fs.writeFileSync(aside, `${sha256(body)}\n${body}`);
      fs.renameSync(aside, this.#file);
    } catch {
      remove(aside);
      return;
    }
    for (const table of tables) table.changed = false;
  }
}

export class Memory {
  readonly files: Table<FileEntry>;
  readonly facts: Table<Facts>;
  /** Store paths by the hash of a tree's listing. */
  readonly trees: Table<StorePath>;
  /** Vendored packages by their directory. */
  readonly vendored: Table<VendoredEntry>;
  /** Whether a text or an archive with this hash mentions the file system. Shared by all workspaces. */
  readonly mentions: Table<boolean>;
  readonly #shelves: readonly Shelf[];

  /** One file for each workspace root below `cacheDir`, and one for all. What cannot be read counts as empty. */
  constructor(cacheDir: string, workspaceRoot: string) {
    const own = new Shelf(path.join(cacheDir, `sources-${sha256(workspaceRoot).slice(0, 32)}.json`));
    const shared = new Shelf(path.join(cacheDir, 'mentions.json'));
    this.files = own.table('files');
    this.facts = own.table('facts');
    this.trees = own.table('trees');
    this.vendored = own.table('vendored');
    this.mentions = shared.table('mentions');
    this.#shelves = [own, shared];
  }

  save(): void {
    for (const shelf of this.#shelves) shelf.save();
  }
}

function remove(file: string): void {
  try {
    fs.rmSync(file, { force: true });
  } catch {
    // Nor can it have been made.
  }
}

/** The checksum in the first line finds torn and damaged files: there is no fsync. */
function read(file: string): Record<string, unknown> {
  try {
    const text = fs.readFileSync(file, 'utf8');
    const body = text.slice(65);
    if (text.slice(0, 64) !== sha256(body)) return {};
    const parsed: unknown = JSON.parse(body);
    return isRecord(parsed) && parsed['version'] === formatVersion ? parsed : {};
  } catch {
    return {};
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

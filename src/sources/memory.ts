/** What earlier runs learned about the files of one workspace, on disk. Losing it costs time, never correctness. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { sha256 } from '../nix/hash.ts';
import type { Sha256, StorePath } from '../nix/types.ts';
import type { Facts } from './facts.ts';

/** Bump when the meaning of anything below changes, the scanner's rules included. */
const formatVersion = 1;
/** Entries that no build has used for this long are dropped. */
const keepDays = 30;

/** What is known of a file while its stat key stays the same. `racy`: true until read again, see `FileCache`. */
export interface FileEntry {
  readonly key: string;
  readonly sha256: Sha256;
  readonly racy: boolean;
}

/** Values with the day of their last use, in the shape in which they are stored. */
class Table<Value> {
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

export class Memory {
  readonly #file: string;
  readonly files: Table<FileEntry>;
  readonly facts: Table<Facts>;
  /** Whether a text or an archive with this hash mentions the file system. */
  readonly mentions: Table<boolean>;
  /** Store paths by the hash of a tree's listing. */
  readonly trees: Table<StorePath>;

  /** One file per workspace root below `cacheDir`. What cannot be read counts as empty. */
  constructor(cacheDir: string, workspaceRoot: string) {
    this.#file = path.join(cacheDir, `sources-${sha256(workspaceRoot).slice(0, 32)}.json`);
    const stored = read(this.#file);
    const today = Math.floor(Date.now() / 86_400_000);
    this.files = new Table(today, stored['files']);
    this.facts = new Table(today, stored['facts']);
    this.mentions = new Table(today, stored['mentions']);
    this.trees = new Table(today, stored['trees']);
  }

  /** Writes aside and renames; nothing if nothing was learned. Two processes at once: the later one's file stays. */
  save(): void {
    const tables: readonly { changed: boolean }[] = [this.files, this.facts, this.mentions, this.trees];
    if (!tables.some((table) => table.changed)) return;
    const { files, facts, mentions, trees } = this;
    const body = JSON.stringify({ version: formatVersion, files, facts, mentions, trees });
    fs.mkdirSync(path.dirname(this.#file), { recursive: true });
    const aside = `${this.#file}.${process.pid}.new`;
    fs.writeFileSync(aside, `${sha256(body)}\n${body}`);
    fs.renameSync(aside, this.#file);
    for (const table of tables) table.changed = false;
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

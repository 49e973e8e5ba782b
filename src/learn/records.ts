/** What builds taught about units, kept in the store's state directory so that it outlives `cargo clean`. */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { replaceFile } from '../sys/durable.ts';
import type { UnitId } from '../plan/types.ts';
import type { UnitRecord } from '../sources/types.ts';
import { makeDirectories } from '../sys/directories.ts';

export const emptyRecord: UnitRecord = { files: [], wholePackage: false, env: [], rerun: null, shell: false };

/** Records of one checkout. A lost or damaged record costs one rerun, so nothing here is fatal. */
export class Records {
  readonly #directory: string;
  readonly #checkout: string;
  readonly #known = new Map<UnitId, UnitRecord>();
  /** Most units have none: to look for each of them would cost more than to look once. */
  #names: ReadonlySet<string> | null = null;

  /** `directory`: of the store's state; `workspaceRoot`: two projects may have units of one identity. */
  constructor(directory: string, workspaceRoot: string) {
    this.#directory = directory;
    this.#checkout = createHash('sha256').update(workspaceRoot).digest('hex').slice(0, 16);
  }

  get(id: UnitId): UnitRecord {
    let record = this.#known.get(id);
    if (record === undefined) {
      record = this.#read(id);
      this.#known.set(id, record);
    }
    return record;
  }

  put(id: UnitId, record: UnitRecord): void {
    this.tryOut(id, record);
    const file = this.#file(id);
    try {
      makeDirectories(path.dirname(file));
      replaceFile(file, JSON.stringify(record));
    } catch {
      // Known for this session; the next one learns it again.
    }
  }

  /** For this session only. */
  tryOut(id: UnitId, record: UnitRecord): void {
    this.#known.set(id, record);
  }

  #file(id: UnitId): string {
    return path.join(this.#directory, this.#checkout, `${id}.json`);
  }

  #read(id: UnitId): UnitRecord {
    this.#names ??= namesIn(path.join(this.#directory, this.#checkout));
    if (!this.#names.has(`${id}.json`)) return emptyRecord;
    let parsed: unknown;
    try {
      parsed = JSON.parse(fs.readFileSync(this.#file(id), 'utf8'));
    } catch {
      return emptyRecord;
    }
    return isRecord(parsed) ? { ...emptyRecord, ...parsed } : emptyRecord;
  }
}

function namesIn(directory: string): ReadonlySet<string> {
  try {
    return new Set(fs.readdirSync(directory));
  } catch {
    return new Set();
  }
}

/** Without `shell`: of an earlier version. */
function isRecord(value: unknown): value is Omit<UnitRecord, 'shell'> & Partial<UnitRecord> {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Record<string, unknown>;
  return (
    strings(record['files']) &&
    typeof record['wholePackage'] === 'boolean' &&
    strings(record['env']) &&
    (record['rerun'] === null || strings(record['rerun'])) &&
    ['boolean', 'undefined'].includes(typeof record['shell'])
  );
}

function strings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

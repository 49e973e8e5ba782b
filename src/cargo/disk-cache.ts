/** Small JSON records in a directory. Losing one costs time, never correctness. */
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectories } from '../sys/directories.ts';

export interface DiskCache {
  /** The record under `key`; null where there is none that can be read. */
  read(name: string, key: unknown): unknown;
  write(name: string, key: unknown, value: unknown): void;
}

/** Records are files `<name>-<hash of key>.json`; the key is stored too, so that a wrong file is never taken. */
export function diskCache(directory: string): DiskCache {
  const fileOf = (name: string, key: string) =>
    join(directory, `${name}-${createHash('sha256').update(key).digest('hex').slice(0, 32)}.json`);
  return {
    read(name, key) {
      const text = JSON.stringify(key);
      try {
        const record: unknown = JSON.parse(readFileSync(fileOf(name, text), 'utf8'));
        if (record === null || typeof record !== 'object' || !('key' in record) || !('value' in record)) return null;
        return JSON.stringify(record.key) === text ? record.value : null;
      } catch {
        return null;
      }
    },
    write(name, key, value) {
      const file = fileOf(name, JSON.stringify(key));
      const aside = `${file}.${process.pid}`;
      try {
        makeDirectories(directory);
        writeFileSync(aside, JSON.stringify({ key, value }));
        renameSync(aside, file);
      } catch {
        // A read-only or full cache directory: the next run asks again.
      }
    },
  };
}

/** Reads `near`, then `far`, whose answers `near` gets; writes both. */
export function layered(near: DiskCache, far: DiskCache): DiskCache {
  return {
    read(name, key) {
      const known = near.read(name, key);
      if (known !== null) return known;
      const found = far.read(name, key);
      if (found !== null) near.write(name, key, found);
      return found;
    },
    write(name, key, value) {
      near.write(name, key, value);
      far.write(name, key, value);
    },
  };
}

/** What tells one state of a file from another; null where there is no file. */
export function stamp(path: string): string | null {
  try {
    const { size, mtimeMs, ino } = statSync(path);
    return `${size} ${mtimeMs} ${ino}`;
  } catch {
    return null;
  }
}

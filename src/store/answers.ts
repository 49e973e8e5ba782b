/**
 * Records that were read for one question, in one file: a build with nothing to do asks the same question as the build
 * before it, and 400 small files take longer to read than one. The contents are looked at all the same.
 */
import { lstatSync, readFileSync, readdirSync, unlinkSync } from 'node:fs';
import { replaceFile } from '../sys/durable.ts';
import { sha256 } from '../nix/hash.ts';
import type { StorePath } from '../nix/types.ts';
import type { Layout } from './layout.ts';
import { type PathRecord, recordProblem } from './record.ts';
import { makeDirectories } from '../sys/directories.ts';

/** Fewer paths than this are read one by one. */
const WORTHWHILE = 32;
/** More answers than this are old ones: all go. */
const KEPT = 64;
/** File systems tell times apart by some milliseconds, the coarsest by 2 s: a younger change may have the same time. */
const SETTLED_MILLISECONDS = 2_100;

/** State of both directories of records: every new, replaced and removed record changes the time of its directory. */
interface Stamp {
  readonly text: string;
  readonly settled: boolean;
}

export interface Answer {
  /** Records by path; null: this question was not answered before, or records have changed since. */
  readonly records: ReadonlyMap<StorePath, PathRecord> | null;
  /** Keeps the records for the next time. Does nothing where nothing can be written. */
  keep(records: Iterable<PathRecord>): void;
}

/** What is known of this question; null: it is not worth it. */
export function recall(layout: Layout, paths: readonly StorePath[]): Answer | null {
  if (paths.length < WORTHWHILE) return null;
  const before = stampOf(layout);
  if (before === null) return null;
  const file = `${layout.answers}/${sha256(paths.join('\n')).slice(0, 32)}`;
  return {
    records: readAnswer(file, before),
    keep(records) {
      if (!before.settled || stampOf(layout)?.text !== before.text) return;
      try {
        makeDirectories(layout.answers);
        const names = readdirSync(layout.answers);
        if (names.length > KEPT) for (const name of names) unlinkSync(`${layout.answers}/${name}`);
        replaceFile(file, JSON.stringify({ stamp: before.text, records: [...records] }));
      } catch {
        // A store that cannot be written is read record by record.
      }
    },
  };
}

function readAnswer(file: string, stamp: Stamp): Map<StorePath, PathRecord> | null {
  try {
    const answer = JSON.parse(readFileSync(file, 'utf8')) as { stamp?: unknown; records?: unknown };
    if (answer.stamp !== stamp.text || !Array.isArray(answer.records)) return null;
    const records = new Map<StorePath, PathRecord>();
    for (const record of answer.records as PathRecord[]) {
      if (recordProblem(record) !== null) return null;
      records.set(record.path, record);
    }
    return records;
  } catch {
    return null;
  }
}

function stampOf(layout: Layout): Stamp | null {
  const parts: string[] = [];
  let newest = 0;
  for (const lane of ['pure', 'dev'] as const) {
    const stat = lstatSync(layout.records(lane), { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) return null;
    parts.push(`${stat.ino}:${stat.mtimeNs}`);
    newest = Math.max(newest, Number(stat.mtimeMs));
  }
  return { text: parts.join(' '), settled: Math.abs(Date.now() - newest) > SETTLED_MILLISECONDS };
}

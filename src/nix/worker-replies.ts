/** What the daemon answers: messages while it works, and results. */
import { parseSha256 } from './hash.ts';
import type { PathInfo } from './narinfo.ts';
import { parseStorePath } from './store-path.ts';
import type { StorePath } from './types.ts';
import { WireError, type Decode, readBool, readList, readNumber, readText, readTexts } from './worker-wire.ts';

export interface DaemonError {
  readonly message: string;
  readonly traces: readonly string[];
}

export type Field = number | string;

/** What comes while an operation is under way; `last` and `error` end it. */
export type WorkerMessage =
  | { readonly type: 'next'; readonly text: string }
  | { readonly type: 'start'; readonly id: number; readonly activity: number; readonly fields: readonly Field[] }
  | { readonly type: 'stop'; readonly id: number }
  | { readonly type: 'result'; readonly id: number; readonly result: number; readonly fields: readonly Field[] }
  | { readonly type: 'error'; readonly error: DaemonError }
  | { readonly type: 'last' };

export const activities = { builds: 104, build: 105, buildWaiting: 111 } as const;
export const activityResults = { buildLogLine: 101, progress: 105 } as const;

const tags = {
  next: 0x6f6c6d67,
  error: 0x63787470,
  last: 0x616c7473,
  start: 0x53545254,
  stop: 0x53544f50,
  result: 0x52534c54,
} as const;

export function* readMessage(): Decode<WorkerMessage> {
  const tag = yield* readNumber();
  switch (tag) {
    case tags.next:
      return { type: 'next', text: yield* readText() };
    case tags.last:
      return { type: 'last' };
    case tags.error:
      return { type: 'error', error: yield* readError() };
    case tags.start: {
      const id = yield* readNumber();
      yield* readNumber();
      const activity = yield* readNumber();
      yield* readText();
      const fields = yield* readList(readField);
      yield* readNumber();
      return { type: 'start', id, activity, fields };
    }
    case tags.stop:
      return { type: 'stop', id: yield* readNumber() };
    case tags.result: {
      const id = yield* readNumber();
      const result = yield* readNumber();
      return { type: 'result', id, result, fields: yield* readList(readField) };
    }
    default:
      throw new WireError(`a message of unknown kind: 0x${tag.toString(16)}`);
  }
}

function* readField(): Decode<Field> {
  const type = yield* readNumber();
  if (type === 0) return yield* readNumber();
  if (type === 1) return yield* readText();
  throw new WireError(`a field of unknown type: ${type}`);
}

function* readError(): Decode<DaemonError> {
  yield* readText();
  yield* readNumber();
  yield* readText();
  const message = yield* readText();
  yield* readNumber();
  const traces = yield* readList(readTrace);
  return { message, traces };
}

function* readTrace(): Decode<string> {
  yield* readNumber();
  return yield* readText();
}

/** How the daemon says that a build ended, in the order of their numbers (Nix manual: "Build result"). */
const statuses = [
  'built',
  'substituted',
  'already-valid',
  'permanent-failure',
  'input-rejected',
  'output-rejected',
  'transient-failure',
  'cached-failure',
  'timed-out',
  'misc-failure',
  'dependency-failed',
  'log-limit-exceeded',
  'not-deterministic',
  'resolves-to-already-valid',
  'no-substituters',
] as const;

export type BuildStatus = (typeof statuses)[number];

export interface BuildResult {
  readonly status: BuildStatus;
  /** What the daemon says of a failure; may have colours and several lines. */
  readonly message: string;
  /** Seconds since 1970. */
  readonly startTime: number;
  readonly stopTime: number;
}

/** Results in the order in which the daemon gives them, by derived path (`<drv>!*`). */
export function* readBuildResults(minor: number): Decode<ReadonlyMap<string, BuildResult>> {
  const results = yield* readList(function* () {
    return [yield* readText(), yield* readBuildResult(minor)] as const;
  });
  return new Map(results);
}

function* readBuildResult(minor: number): Decode<BuildResult> {
  // A status that is newer than this table is a failure of some kind: successes have the first three numbers.
  const status = statuses[yield* readNumber()] ?? 'misc-failure';
  const message = yield* readText();
  yield* readNumber();
  yield* readBool();
  const startTime = yield* readNumber();
  const stopTime = yield* readNumber();
  if (minor >= 37) {
    yield* skipOptionalNumber();
    yield* skipOptionalNumber();
  }
  yield* readList(readRealisation);
  return { status, message, startTime, stopTime };
}

function* skipOptionalNumber(): Decode<void> {
  if ((yield* readNumber()) !== 0) yield 8;
}

function* readRealisation(): Decode<void> {
  yield* readText();
  yield* readText();
}

/** Answer of `QueryPathInfo`; null: not valid. */
export function* readPathInfo(storePath: StorePath): Decode<PathInfo | null> {
  return (yield* readBool()) ? yield* readInfo(storePath) : null;
}

/** Answer of `AddToStore`. */
export function* readKeyedPathInfo(): Decode<PathInfo> {
  return yield* readInfo(yield* readStorePath());
}

function* readInfo(storePath: StorePath): Decode<PathInfo> {
  yield* readText();
  const narHash = parseSha256(yield* readText());
  if (narHash === null) throw new WireError(`${storePath} has a hash that is no sha256`);
  const references = yield* readList(readStorePath);
  yield* readNumber();
  const narSize = yield* readNumber();
  yield* readBool();
  yield* readTexts();
  yield* readText();
  return { storePath, narHash, narSize, references };
}

export function* readStorePaths(): Decode<StorePath[]> {
  return yield* readList(readStorePath);
}

function* readStorePath(): Decode<StorePath> {
  const text = yield* readText();
  const path = parseStorePath(text);
  if (path === null) throw new WireError(`not a store path: ${text}`);
  return path;
}

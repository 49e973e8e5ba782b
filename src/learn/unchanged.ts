/** A build that has nothing to do: what the last one looked at and put in place, and what it would print again. */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { replaceFile } from '../sys/durable.ts';
import { type Stamped, stampOf, stampsSince, unchangedSince } from '../sys/stamps.ts';

/** Everything on which an unchanged build rests. */
export interface Unchanged {
  /** Files and directories that were read or looked for: manifests, configuration, sources, toolchain. */
  readonly watched: readonly string[];
  /** What the build put into `target/`. */
  readonly placed: readonly string[];
  /** What a build with nothing to do prints. */
  readonly stdout: string;
  readonly stderr: string;
  /** What runs afterwards, as its room writes it; null: nothing. */
  readonly afterwards: unknown;
}

interface Saved {
  readonly version: string;
  readonly watched: Stamped;
  readonly placed: Stamped;
  readonly stdout: string;
  readonly stderr: string;
  readonly afterwards: unknown;
}

/** Variables that change from call to call without changing what is built. */
const volatile = new Set(['_', 'SHLVL', 'PWD', 'OLDPWD', 'WINDOWID', 'SSH_TTY', 'COLUMNS', 'LINES']);

/** Names one way of calling: same arguments, directory, environment, terminal. */
export function callKey(
  argv: readonly string[],
  cwd: string,
  environment: NodeJS.ProcessEnv,
  terminal: string,
): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([argv, cwd, terminal, process.version]));
  for (const name of Object.keys(environment).sort()) {
    if (!volatile.has(name)) hash.update(`${name}=${environment[name] ?? ''}\0`);
  }
  return hash.digest('hex');
}

/** The saved state of this way of calling if nothing it rests on has changed since; else null. */
export function readUnchanged(directory: string, key: string, version: string): Saved | null {
  let saved: Saved;
  try {
    saved = JSON.parse(fs.readFileSync(path.join(directory, `${key}.json`), 'utf8')) as Saved;
    if (saved.version !== version) return null;
    return unchangedSince(saved.watched) && unchangedSince(saved.placed) ? saved : null;
  } catch {
    return null;
  }
}

/**
 * Saves the state after a build that ended well. Nothing is saved when something was written after `startedAt`
 * (milliseconds since the epoch): it may have been written after it was read.
 */
export function saveUnchanged(
  directory: string,
  key: string,
  version: string,
  state: Unchanged,
  startedAt: number,
): void {
  const watched = stampsSince(startedAt, state.watched);
  if (watched === null) return;
  const placed = state.placed.map((file) => [file, stampOf(file)] as const);
  const { stdout, stderr, afterwards } = state;
  fs.mkdirSync(directory, { recursive: true });
  const saved: Saved = { version, watched, placed, stdout, stderr, afterwards };
  replaceFile(path.join(directory, `${key}.json`), JSON.stringify(saved));
}

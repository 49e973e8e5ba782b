/** A build that has nothing to do: what the last one looked at and put in place, and what it would print again. */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { replaceFile } from '../sys/durable.ts';
import { type Stamped, stampOf, stampsSince, unchangedSince } from '../sys/stamps.ts';
import { makeDirectories } from '../sys/directories.ts';

/** Everything on which an unchanged build rests. */
export interface Unchanged {
  /** Files and directories that were read or looked for: manifests, configuration, sources, toolchain. */
  readonly watched: readonly string[];
  /** What the build put into `target/`. */
  readonly placed: readonly string[];
  /** Variables of the caller that units read, or would if they were set. */
  readonly variables: Iterable<string>;
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
  readonly variables: readonly (readonly [name: string, value: string | null])[];
  readonly stdout: string;
  readonly stderr: string;
  readonly afterwards: unknown;
}

/**
 * Variables that cargo, rustup, Nix, drydock and the loader of programs read; those that name something of a Nix store
 * count as well. Units have others besides.
 */
const general =
  /^(_*CARGO|RUST|DRYDOCK|NIX_|XDG_|LD_|LC_|(HOME|PATH|LANG|TMPDIR|TERM|TERM_PROGRAM|COLORTERM|NO_COLOR|CLICOLOR|CLICOLOR_FORCE|FORCE_HYPERLINK|CI|TF_BUILD)$)/;
/** More of them, of which it only counts whether they are set: terminals give each window a value of its own. */
const present = ['DOMTERM', 'VTE_VERSION', 'WT_SESSION', 'KONSOLE_VERSION'];
/** More ways of calling than this: the oldest go. */
const kept = 64;

/** Names one way of calling: same arguments, directory, settings, terminal. */
export function callKey(
  argv: readonly string[],
  cwd: string,
  environment: NodeJS.ProcessEnv,
  terminal: string,
): string {
  const hash = createHash('sha256');
  const has = present.filter((name) => environment[name] !== undefined);
  hash.update(JSON.stringify([argv, cwd, terminal, process.version, has]));
  for (const name of Object.keys(environment).sort()) {
    const value = environment[name] ?? '';
    if (general.test(name) || value.includes('/nix/store/')) hash.update(`${name}=${value}\0`);
  }
  return hash.digest('hex');
}

/** The saved state of this way of calling if nothing it rests on has changed since; else null. */
export function readUnchanged(
  directory: string,
  key: string,
  version: string,
  environment: NodeJS.ProcessEnv,
): Saved | null {
  let saved: Saved;
  try {
    saved = JSON.parse(fs.readFileSync(path.join(directory, `${key}.json`), 'utf8')) as Saved;
    if (saved.version !== version) return null;
    if (saved.variables.some(([name, value]) => (environment[name] ?? null) !== value)) return null;
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
  environment: NodeJS.ProcessEnv,
  state: Unchanged,
  startedAt: number,
): void {
  const watched = stampsSince(startedAt, state.watched);
  if (watched === null) return;
  const placed = state.placed.map((file) => [file, stampOf(file)] as const);
  const { stdout, stderr, afterwards } = state;
  const variables = [...new Set(state.variables)].map((name) => [name, environment[name] ?? null] as const);
  const saved: Saved = { version, watched, placed, variables, stdout, stderr, afterwards };
  try {
    makeDirectories(directory);
    replaceFile(path.join(directory, `${key}.json`), JSON.stringify(saved));
    forgetOldest(directory);
  } catch {
    // The build is done. Without this, the next one asks cargo again.
  }
}

function forgetOldest(directory: string): void {
  const names = fs.readdirSync(directory);
  if (names.length <= kept) return;
  const files = names.map((name) => path.join(directory, name));
  const times = new Map(files.map((file) => [file, fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0]));
  files.sort((a, b) => (times.get(b) ?? 0) - (times.get(a) ?? 0));
  for (const file of files.slice(kept / 2)) fs.rmSync(file, { force: true });
}

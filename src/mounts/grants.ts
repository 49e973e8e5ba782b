/**
 * Grants: what tells the daemon's hook (`hook/source/`) that the owner of a directory lets one build have it. Files in a
 * directory that only the owner can write, one for each derivation, named by its hash.
 */
import { lstatSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import type { DrvPath } from '../nix/types.ts';
import { errnoOf } from '../sys/errors.ts';
import { makeDirectories } from '../sys/directories.ts';

export interface GrantedDirectory {
  /** The mount's id, as the derivation declares it. */
  readonly id: string;
  readonly directory: string;
  readonly ro: boolean;
  /** `held`: this process keeps others away until the build has ended. `hook`: the hook does, by `<directory>.lock`. */
  readonly lock: 'held' | 'hook';
}

export interface Grant {
  readonly drvPath: DrvPath;
  /** The owner's, as the derivation has it. */
  readonly scope: string;
  readonly expires: Date;
  /** Several of one id: with `private` sharing the first one that is free is taken. */
  readonly directories: readonly GrantedDirectory[];
}

/** What the hook did with a grant; null: it was not asked (no hook, nothing to build) or could not tell. */
export type Answer =
  /** `noView`: why a view is missing. */
  | { readonly mounted: true; readonly noView: string | null }
  | { readonly mounted: false; readonly reason: string }
  | null;

/** The owner's directory of grants below `state`, made when missing; without symlinks, since it goes into derivations. */
export function grantsDirectory(state: string): string {
  const place = path.join(state, 'grants');
  makeDirectories(place, 0o700);
  return realpathSync(place);
}

/**
 * Writes the grant. Directories are looked at now: one that is replaced later is not mounted. Throws system errors, and an
 * Error for a directory that a line of a grant cannot name.
 */
export function writeGrant(place: string, { drvPath, scope, expires, directories }: Grant): void {
  const lines = directories.map(({ id, directory, ro, lock }) => {
    const real = realpathSync(directory);
    // oxlint-disable-next-line no-control-regex
    if (/[\x00-\x1f\x7f]/.test(real)) throw new Error(`${JSON.stringify(real)} cannot be granted`);
    const { dev, ino } = statSync(real, { bigint: true });
    return `mount ${id} ${ro ? 'ro' : 'rw'} ${lock === 'hook' ? 'lock' : 'held'} ${dev}:${ino} ${real}`;
  });
  const seconds = Math.floor(expires.getTime() / 1000);
  const text = ['drydock-grant 1', `drv ${drvPath}`, `scope ${scope}`, `expires ${seconds}`, ...lines, 'end', ''];
  const file = grantFile(place, drvPath);
  rmSync(answerFile(place, drvPath), { force: true });
  // The hook looks only for the final name: it never meets half a grant.
  const aside = `${file}.${process.pid}`;
  writeFileSync(aside, text.join('\n'), { mode: 0o600 });
  renameSync(aside, file);
}

/** Takes the grant back. Builds that have started keep their mount. */
export function revokeGrant(place: string, drvPath: DrvPath): Answer {
  rmSync(grantFile(place, drvPath), { force: true });
  const file = answerFile(place, drvPath);
  try {
    const text = lstatSync(file).isFile() ? readFileSync(file, 'utf8').trim() : '';
    rmSync(file, { force: true });
    const [first = '', second] = text.split('\n');
    if (first === 'mounted') return { mounted: true, noView: second?.replace(/^no view /, '') ?? null };
    return first.startsWith('refused ') ? { mounted: false, reason: first.slice('refused '.length) } : null;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function grantFile(place: string, drvPath: DrvPath): string {
  return path.join(place, `${hashOf(drvPath)}.grant`);
}

function answerFile(place: string, drvPath: DrvPath): string {
  return path.join(place, `${hashOf(drvPath)}.answer`);
}

function hashOf(drvPath: DrvPath): string {
  return path.basename(drvPath).slice(0, 32);
}

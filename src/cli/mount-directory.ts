/** Which directory stands behind a mount that `drydock mount` grants. */
import { existsSync } from 'node:fs';
import * as path from 'node:path';
import { userDirectory } from '../sys/ids.ts';
import type { Host } from './host.ts';

/** What the ids of rustc's incremental state start with, as `plan` makes them. */
const incremental = 'incremental';

/**
 * `--dir` by the longest start of the id; rustc's state in the project's own `target/debug/incremental` (`CARGO_TARGET_DIR`);
 * anything else below this user's cache directory.
 */
export function directoryOf(
  id: string,
  directories: ReadonlyMap<string, string>,
  { cwd, environment }: Pick<Host, 'cwd' | 'environment'>,
): { readonly directory: string; readonly transactional: boolean } {
  const parts = id.split('/');
  const transactional = parts[0] === incremental && parts.length > 1;
  for (let count = parts.length; count > 0; count--) {
    const directory = directories.get(parts.slice(0, count).join('/'));
    if (directory !== undefined) return { directory: below(directory, parts.slice(count)), transactional };
  }
  if (transactional) {
    const target = path.resolve(cwd, environment['CARGO_TARGET_DIR'] ?? path.join(projectAbove(cwd), 'target'));
    return { directory: below(path.join(target, 'debug', incremental), parts.slice(1)), transactional };
  }
  const cache = path.join(userDirectory('cache', environment) ?? '/', 'drydock', 'mounts');
  return { directory: below(cache, parts), transactional };
}

/** One name, without slashes: what lay in another mount's directory, that one's builders could turn into a link to anywhere. */
function below(directory: string, parts: readonly string[]): string {
  return parts.length === 0 ? directory : path.join(directory, parts.join(','));
}

/** The nearest directory with a Cargo.lock, from here up; else this one. */
function projectAbove(cwd: string): string {
  for (let at = cwd; ; at = path.dirname(at)) {
    if (existsSync(path.join(at, 'Cargo.lock'))) return at;
    if (at === path.dirname(at)) return cwd;
  }
}

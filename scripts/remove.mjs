// Removes what a build has left.
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';

/** Removes a directory that may hold a store: the directories in it are read-only, which stops everybody but root. */
export function removeTree(place) {
  if (!existsSync(place)) return;
  execFileSync('chmod', ['-R', 'u+w', place]);
  rmSync(place, { recursive: true, force: true });
}

/** A directory for facts about this machine that one user keeps whatever `HOME` and `XDG_CACHE_HOME` say. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { userIds } from './ids.ts';

/**
 * `<parent>/drydock-<uid>`, made when it is not there. null where it cannot be trusted: someone else owns it or may write
 * into it, it is a symlink, or others could exchange it because the parent has no sticky bit. A home of one's own for each
 * job is common in CI, and reading a toolchain of 600 MB again for each is not.
 */
export function machineDirectory(parent = '/var/tmp'): string | null {
  const { uid } = userIds();
  const place = path.join(parent, `drydock-${uid}`);
  try {
    const above = fs.lstatSync(parent);
    if (!above.isDirectory() || ((above.mode & 0o022) !== 0 && (above.mode & 0o1000) === 0)) return null;
    if (above.uid !== 0 && above.uid !== uid) return null;
    fs.mkdirSync(place, { mode: 0o700, recursive: true });
    const found = fs.lstatSync(place);
    return found.isDirectory() && found.uid === uid && (found.mode & 0o022) === 0 ? place : null;
  } catch {
    return null;
  }
}

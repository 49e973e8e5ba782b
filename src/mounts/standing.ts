/** Directories of mounts that a hook will hold, not this process: they have to be there before it looks. */
import { closeSync, openSync } from 'node:fs';
import * as path from 'node:path';
import { guardFile } from './guard.ts';
import type { MountGrant } from './types.ts';
import { makeDirectories } from '../sys/directories.ts';

export interface Prepared {
  readonly grant: MountGrant;
  /** The directory, and for `private` sharing the ones that others take while it is in use. */
  readonly alternatives: readonly string[];
}

/** As many builds of one `private` mount can run at once; one more runs without. */
const mostAtOnce = 8;

/** Makes directories and lock files. What is transactional is left to `holdMounts`. */
export function prepareDirectories(grant: MountGrant): Prepared {
  const { directory, sharing, transactional } = grant;
  const count = sharing === 'private' && !transactional ? mostAtOnce : 1;
  const alternatives = Array.from({ length: count }, (_, index) =>
    index === 0 ? directory : `${directory}.${index + 1}`,
  );
  if (!transactional) {
    for (const one of alternatives) {
      // What a build leaves there is for nobody else to run.
      makeDirectories(path.dirname(one), 0o700);
      makeDirectories(one);
      closeSync(openSync(guardFile(one), 'a', 0o600));
    }
  }
  return { grant, alternatives };
}

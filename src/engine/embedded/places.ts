/** What all sandboxes of one build share: a scratch directory of this process, on the store's file system. */
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import type { StorePath } from '../../nix/types.ts';
import type { Store } from '../../store/types.ts';
import { writeEtc } from './etc.ts';
import { seccompProgram } from './seccomp.ts';

export interface Places {
  readonly etc: string;
  /** File with the system-call filter; null: none for this machine. */
  readonly seccomp: string | null;
  readonly jobserver: string;
  /** A name that does not exist yet. */
  freshStage(): string;
  /** Removes everything. */
  remove(): Promise<void>;
}

/** Makes the scratch directory. If this process is killed, the store removes it with the rest of its work. */
export async function makePlaces(store: Store, anyPath: StorePath): Promise<Places> {
  const scratch = await store.prepareOutput(anyPath);
  const at = (name: string) => path.join(scratch.directory, name);
  mkdirSync(at('etc'));
  writeEtc(at('etc'));
  const program = seccompProgram();
  if (program !== null) writeFileSync(at('seccomp'), program);
  let stages = 0;
  return {
    etc: at('etc'),
    seccomp: program === null ? null : at('seccomp'),
    jobserver: at('jobs'),
    freshStage: () => at(`stage-${++stages}`),
    remove: () => store.discardOutput(scratch),
  };
}

/** Names of files in a store root. Contents lie as in Nix's chroot stores; the rest is ours. */
import * as path from 'node:path';
import { baseName, splitStorePath } from '../nix/store-path.ts';
import type { DrvPath, StorePath } from '../nix/types.ts';
import type { Lane } from './types.ts';

/** Version of everything under `nix/var/drydock`. */
export const formatVersion = 1;

export interface Layout {
  readonly root: string;
  readonly store: string;
  readonly state: string;
  readonly format: string;
  /** One directory per living process, each with a locked file `owner`. */
  readonly work: string;
  readonly workLock: string;
  readonly gcLock: string;
  readonly textLock: string;
  readonly locks: string;
  readonly roots: string;
  readonly logs: string;
  /** Only a cache: may be removed at any time. */
  readonly answers: string;
  content(path: StorePath): string;
  /** Records of the lanes are apart: collection reads all of the dev lane after every build, and only these. */
  records(lane: Lane): string;
  record(lane: Lane, path: StorePath): string;
  outputLock(path: StorePath): string;
  log(drvPath: DrvPath): string;
}

export function layoutOf(root: string): Layout {
  const store = path.join(root, 'nix/store');
  const state = path.join(root, 'nix/var/drydock');
  const records = { pure: path.join(state, 'info/pure'), dev: path.join(state, 'info/dev') };
  return {
    root,
    store,
    state,
    format: path.join(state, 'format'),
    work: path.join(state, 'work'),
    workLock: path.join(state, 'work.lock'),
    gcLock: path.join(state, 'gc.lock'),
    textLock: path.join(state, 'texts.lock'),
    locks: path.join(state, 'locks'),
    roots: path.join(state, 'roots'),
    logs: path.join(state, 'log'),
    answers: path.join(state, 'answers'),
    content: (storePath) => `${store}/${baseName(storePath)}`,
    records: (lane) => records[lane],
    record: (lane, storePath) => `${records[lane]}/${splitStorePath(storePath).hash}`,
    outputLock: (storePath) => `${state}/locks/${splitStorePath(storePath).hash}`,
    log: (drvPath) => `${state}/log/${baseName(drvPath)}`,
  };
}

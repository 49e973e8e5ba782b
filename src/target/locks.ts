/** Cargo's own locks on its directories, taken in its order, so that both may work in one `target/`. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { makeTagged } from '../sys/tagged-directory.ts';
import type { Workspace } from '../cargo/types.ts';
import { isCheck, kindOf } from '../plan/target.ts';
import { type Lock, lock } from '../sys/lock.ts';
import { type Places, placesOf } from './places.ts';
import { makeDirectories } from '../sys/directories.ts';
import { sweepAsides } from '../sys/durable.ts';

export interface LockTargetOptions {
  /** Called when a lock has to be waited for; `what` in cargo's words: `artifact directory`, `build directory`. */
  readonly onWait?: (what: string, file: string) => void;
  readonly signal?: AbortSignal;
}

const nfsMagic = 0x6969;

/**
 * Creates the directories of a build and locks them. The build directory's lock stands for the artifact directory too
 * where they are the same and artifacts are made; a `check` makes none. Rejects with the system error.
 */
export async function lockTarget(workspace: Workspace, options: LockTargetOptions): Promise<Lock[]> {
  const places = placesOf(workspace);
  const artifacts = workspace.graph.roots.some((root) => !isCheckedUnit(workspace, root));
  const platforms = new Set<string | null>([null, ...workspace.graph.units.map((unit) => unit.platform)]);
  const held: Lock[] = [];
  const take = async (directory: string, what: string, below: readonly string[]) => {
    if (onNetwork(directory)) return;
    const file = path.join(directory, '.cargo-lock');
    const onWait = () => options.onWait?.(what, file);
    held.push(await lock(file, 'exclusive', { onWait, ...(options.signal ? { signal: options.signal } : {}) }));
    // Who wrote here and was killed holds no lock any more.
    for (const name of ['.', ...below]) sweepAsides(path.join(directory, name));
  };
  try {
    for (const platform of platforms) {
      const [build, artifact] = makeLayout(workspace, places, platform);
      if (!artifacts || build !== artifact) await take(build, 'build directory', ['deps', 'examples']);
      if (artifacts)
        await take(artifact, 'artifact directory', build === artifact ? ['deps', 'examples'] : ['examples']);
    }
    if (workspace.graph.units.some(({ target }) => ['test', 'bench'].includes(kindOf(target)))) {
      // `CARGO_TARGET_TMPDIR`.
      makeDirectories(path.join(workspace.buildDir, 'tmp'));
    }
  } catch (error) {
    for (const one of held) one.release();
    throw error;
  }
  return held;
}

function isCheckedUnit({ graph }: Workspace, index: number): boolean {
  const unit = graph.units[index];
  return unit !== undefined && isCheck(unit);
}

function makeLayout(workspace: Workspace, places: Places, platform: string | null): [string, string] {
  const [build, artifact] = [places.intermediates(platform), places.artifacts(platform)];
  makeTagged(workspace.targetDir);
  makeTagged(workspace.buildDir);
  // The directory of a platform has a tag of its own.
  makeTagged(path.dirname(build));
  makeTagged(path.dirname(artifact));
  for (const name of ['.fingerprint', 'deps', 'build', 'examples', 'incremental']) {
    makeDirectories(path.join(build, name));
  }
  makeDirectories(path.join(artifact, 'examples'));
  return [build, artifact];
}

function onNetwork(directory: string): boolean {
  return fs.statfsSync(directory).type === nfsMagic;
}

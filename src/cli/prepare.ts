/** What every command that plans needs: the workspace, the store, and the units as derivations. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { type DiskCache, diskCache, layered } from '../cargo/disk-cache.ts';
import type { Invocation, Workspace } from '../cargo/types.ts';
import { type CargoFailure, type ReadOptions, readWorkspace } from '../cargo/workspace.ts';
import { Records } from '../learn/records.ts';
import { Session } from '../learn/session.ts';
import { grantsDirectory } from '../mounts/grants.ts';
import { ownerScope } from '../mounts/scope.ts';
import { readBuilders } from '../plan/builders.ts';
import { readTools } from '../plan/host-tools.ts';
import { openNixTools } from '../plan/nix-tools.ts';
import { planUnits } from '../plan/plan.ts';
import { openShell } from '../plan/shell.ts';
import { readToolchainInput } from '../plan/toolchain.ts';
import { readWrappers } from '../plan/wrappers.ts';
import { openSources } from '../sources/open.ts';
import type { Sources } from '../sources/types.ts';
import { guarded } from '../store/failures.ts';
import { openStore } from '../store/store.ts';
import type { Store } from '../store/types.ts';
import { type Result, success, UserError } from '../sys/errors.ts';
import { fileMask, userDirectory, userIds } from '../sys/ids.ts';
import { tagDirectory } from '../sys/tagged-directory.ts';
import { storeRoot } from './store-root.ts';
import { machineDirectory } from '../sys/machine-directory.ts';

export interface Prepared {
  readonly workspace: Workspace;
  readonly store: Store;
  readonly sources: Sources;
  readonly session: Session;
}

/** Reads and plans. The failure is cargo's own: it has said why. */
export async function prepare(
  invocation: Invocation,
  environment: Readonly<Record<string, string>>,
  signal: AbortSignal,
  onConfig: NonNullable<ReadOptions['onConfig']> = () => {},
): Promise<Result<Prepared, CargoFailure>> {
  refuseMask();
  const cacheDir = cacheDirectory(environment);
  const store = await openStore(storeRoot(invocation, environment));
  const read = await readWorkspace(invocation, environment, { signal, onConfig });
  if (!read.ok) return read;
  const workspace = read.value;
  const platforms = new Set(workspace.graph.units.map((unit) => unit.platform));
  const cache = toolchainCache(cacheDir);
  const nix = openNixTools(workspace.environment, cache);
  const [toolchain, tools, wrappers] = await Promise.all([
    readToolchainInput(workspace.toolchain, platforms, cache, nix),
    readTools(
      [...platforms].map((platform) => workspace.config.linker(platform)),
      [...platforms].flatMap((platform) => workspace.config.rustflags(platform)),
      workspace.environment,
      cache,
      nix,
    ),
    readWrappers(workspace.config, workspace.environment, cache, nix),
  ]);
  const sources = openSources({
    workspaceRoot: workspace.root,
    cacheDir: path.join(cacheDir, 'sources'),
    cargoHome: workspace.cargoHome,
  });
  await store.make();
  const state = stateDirectory(store);
  const owner = await guarded(store.root, () => ({
    uid: userIds().uid,
    scope: ownerScope(state),
    grants: grantsDirectory(state),
  }));
  const records = new Records(path.join(state, 'learned'), workspace.root);
  const options = {
    sources,
    record: records.get.bind(records),
    owner,
    toolchain,
    tools,
    shell: openShell(workspace.environment, tools, nix),
    wrappers,
    builders: readBuilders(builderDirectory()),
  };
  const session = new Session(workspace, records, () => {
    const plan = planUnits(workspace, options);
    sources.save();
    return plan;
  });
  return success({ workspace, store, sources, session });
}

/** Throws D1004. Cargo fails with such a mask, too: rustc cannot read its own files. */
function refuseMask(): void {
  const mask = fileMask();
  if ((mask & 0o700) === 0) return;
  throw new UserError(
    'D1004',
    `the umask (0${mask.toString(8).padStart(3, '0')}) takes from this user what this user makes: nothing that is built could be read`,
    'build with another one:  umask 022',
  );
}

/** It may lie within the package that is built. Where it cannot be made nothing is kept, and everything works. */
function cacheDirectory(environment: Readonly<Record<string, string>>): string {
  const directory = path.join(userDirectory('cache', environment) ?? '/', 'drydock');
  try {
    tagDirectory(directory);
  } catch {
    // What is kept there costs time, never correctness.
  }
  return directory;
}

/**
 * Hashes of the toolchain and of the host's tools, keyed by the stats of every file. They say nothing of the user, so
 * another home of the same user may have them too.
 */
function toolchainCache(cacheDir: string): DiskCache {
  const near = diskCache(path.join(cacheDir, 'toolchain'));
  const machine = machineDirectory();
  return machine === null ? near : layered(near, diskCache(machine));
}

/** What a store keeps besides store paths. */
export function stateDirectory(store: Store): string {
  return path.join(store.root, 'nix', 'var', 'drydock');
}

/** `builder/` of this installation: beside `dist/` in a package, two up in the sources. */
export function builderDirectory(): string {
  for (const up of ['..', '../..']) {
    const directory = path.join(import.meta.dirname, up, 'builder');
    if (fs.existsSync(directory)) return directory;
  }
  throw new Error('builder/ is missing from this installation');
}

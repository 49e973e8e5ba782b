/** Puts together what cargo, rustc, lock file and manifests say. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Answer } from './cargo-process.ts';
import type { ConfigTree } from './config-files.ts';
import { joined, plain, rootOf } from './config-value.ts';
import type { DiskCache } from './disk-cache.ts';
import { optionValues } from './invocation.ts';
import { localManifests } from './local-manifests.ts';
import { type LockFile, parseLockFile } from './lock-file.ts';
import { manifestReader, readPackages } from './packages.ts';
import { profileOf } from './profile.ts';
import { fieldOf, textOf } from './tables.ts';
import type { Config, Invocation, Target, Workspace } from './types.ts';

type Environment = Readonly<Record<string, string>>;

/** What an answer of cargo's is put together with. */
export interface Surroundings {
  readonly invocation: Invocation;
  readonly environment: Environment;
  readonly cargoEnvironment: Environment;
  readonly cargoHome: string;
  readonly config: Config;
  readonly tree: ConfigTree;
  readonly cache: DiskCache;
}

export interface Assembled {
  readonly workspace: Workspace;
  /** Manifests outside of the workspace that name unstable features of cargo. */
  readonly unstable: readonly string[];
}

/** Puts a `Workspace` together. Throws `UserError` as `readPackages`. */
export function assemble(answer: Answer, around: Surroundings, toolchain: Workspace['toolchain']): Assembled {
  const { invocation, environment, cargoEnvironment, cargoHome, config, tree, cache } = around;
  const { graph, metadata } = answer;
  const root = textOf(metadata, 'workspace_root');
  const lockFile = join(root, 'Cargo.lock');
  const members = memberTargets(metadata);

  const named = optionValues(invocation, '--target-dir').at(-1);
  const targetDir = named === undefined ? textOf(metadata, 'target_directory') : resolve(invocation.cwd, named);
  const separate = config.get('build.build-dir') !== undefined;
  const buildDir = separate ? textOf(metadata, 'build_directory') || targetDir : targetDir;

  const manifest = manifestReader();
  const { packages, unstable } = readPackages(
    {
      graph,
      workspaceRoot: root,
      cargoHome,
      lock: readLock(lockFile),
      localRegistries: localRegistries(tree),
      registryNames: registryNames(tree),
      isMember: (directory) => members.has(directory),
      memberTargets: (directory) => members.get(directory) ?? null,
    },
    cache,
    manifest,
  );
  const memberIds = [...packages.values()].filter((pkg) => pkg.source.kind === 'path' && pkg.source.member);
  const workspace: Workspace = {
    invocation,
    root,
    lockFile,
    targetDir,
    buildDir,
    artifactDir: artifactDirectory(invocation, tree),
    cargoHome,
    members: new Set(memberIds.map((pkg) => pkg.id)),
    manifests: localManifests(root, [...members.keys()], pathOverrides(tree), manifest),
    graph,
    packages,
    config,
    toolchain,
    ...profileOf(invocation),
    environment,
    cargoEnvironment,
    memberCounts: {
      all: lengthOf(metadata, 'workspace_members'),
      default: lengthOf(metadata, 'workspace_default_members'),
    },
  };
  return { workspace, unstable };
}

/** cargo has refused it already where it may not be given; it counts for `build` alone. */
function artifactDirectory(invocation: Invocation, tree: ConfigTree): string | null {
  if (invocation.verb !== 'build') return null;
  const named = optionValues(invocation, '--artifact-dir').at(-1);
  if (named !== undefined) return resolve(invocation.cwd, named);
  const node = tree.lookup(['build', 'artifact-dir']);
  return node?.type === 'scalar' ? resolve(joined(rootOf(node.origin, tree.cwd), String(node.value))) : null;
}

/** Targets of each member by its directory. */
function memberTargets(metadata: unknown): ReadonlyMap<string, readonly Target[]> {
  const packages = fieldOf(metadata, 'packages');
  const found = new Map<string, readonly Target[]>();
  for (const pkg of Array.isArray(packages) ? packages : []) {
    const directory = textOf(pkg, 'manifest_path').replace(/\/[^/]*$/, '');
    found.set(directory, fieldOf(pkg, 'targets') as readonly Target[]);
  }
  return found;
}

function lengthOf(metadata: unknown, key: string): number {
  const list = fieldOf(metadata, key);
  return Array.isArray(list) ? list.length : 0;
}

function readLock(path: string): LockFile {
  try {
    return parseLockFile(readFileSync(path, 'utf8'));
  } catch {
    return parseLockFile('');
  }
}

function localRegistries(tree: ConfigTree): readonly string[] {
  const sources = tree.fromFiles(['source']);
  if (sources?.type !== 'table') return [];
  return [...sources.entries.values()].flatMap((source) => {
    const place = source.type === 'table' ? source.entries.get('local-registry') : undefined;
    return place?.type === 'scalar' ? [joined(rootOf(place.origin, tree.cwd), String(place.value))] : [];
  });
}

function registryNames(tree: ConfigTree): ReadonlyMap<string, string> {
  const registries = tree.fromFiles(['registries']);
  const names = registries?.type === 'table' ? [...registries.entries.keys()] : [];
  return new Map(
    names.flatMap((name): [string, string][] => {
      const index = tree.lookup(['registries', name, 'index']);
      return index?.type === 'scalar' ? [[String(index.value), name]] : [];
    }),
  );
}

/** Directories of the configuration's `paths`. */
function pathOverrides(tree: ConfigTree): readonly string[] {
  const node = tree.fromFiles(['paths']);
  if (node?.type !== 'list') return [];
  return node.items.map((item) => joined(rootOf(item.origin, tree.cwd), String(plain(item))));
}

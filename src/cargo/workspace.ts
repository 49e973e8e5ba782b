/** Everything of one invocation, from cargo and rustc themselves. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { failure, type Result, success, UserError } from '../sys/errors.ts';
import { run } from '../sys/run.ts';
import { type Answer, askCargo, type CargoFailure, type CargoRequest } from './cargo-process.ts';
import { makeConfig } from './config.ts';
import { type ConfigTree, readConfig } from './config-files.ts';
import { joined, plain, rootOf } from './config-value.ts';
import { processStderr, type Sink } from './diagnostics.ts';
import { type DiskCache, diskCache, stamp } from './disk-cache.ts';
import { optionValues } from './invocation.ts';
import { type LockFile, parseLockFile } from './lock-file.ts';
import { readPackages } from './packages.ts';
import { profileOf } from './profile.ts';
import { directoryFrom, findPrograms, type Programs } from './programs.ts';
import { entriesOf, fieldOf, textOf } from './tables.ts';
import { readToolchain } from './toolchain.ts';
import type { Config, Invocation, Target, Workspace } from './types.ts';

export type { CargoFailure } from './cargo-process.ts';

export interface ReadOptions {
  /** Where answers of rustc, rustup and archives are kept. Default: `drydock/cargo` in the user's cache directory. */
  readonly cacheDir?: string;
  /** Where cargo's own messages go. Default: this process' stderr. */
  readonly stderr?: Sink;
  readonly signal?: AbortSignal;
}

type Environment = Readonly<Record<string, string>>;

/**
 * Reads the workspace as cargo sees it for `invocation`. The failure is cargo's own: it has told the user why, and its
 * exit code is to be passed on (0 where it only printed help). Throws `UserError` for what cargo accepts but drydock
 * cannot work with.
 */
export async function readWorkspace(
  invocation: Invocation,
  environment: Environment,
  options: ReadOptions = {},
): Promise<Result<Workspace, CargoFailure>> {
  const cache = diskCache(options.cacheDir ?? defaultCacheDir(environment));
  const stderr = options.stderr ?? processStderr();
  const { cwd } = invocation;
  const cargoHome = resolve(cwd, directoryFrom(environment, 'CARGO_HOME', '.cargo'));
  const { toolchain, cargoSubcommand } = invocation;

  const found = await findPrograms({ toolchain, cargoSubcommand, cwd, cargoHome, environment }, cache);
  if (!found.ok) {
    const { program, args } = found.failure;
    const refused = await run(program, [...args, invocation.verb], {
      cwd,
      env: environment,
      stderr: (data) => stderr.write(data.toString()),
    });
    return failure({ exitCode: refused.code ?? 101 });
  }
  const programs = found.value;

  // cargo reports a broken configuration itself; only one that it accepts and drydock does not is drydock's to report.
  const tree = attempt(() =>
    readConfig({ cwd, cargoHome, environment, overrides: optionValues(invocation, '--config') }),
  );
  const configured = (key: string) => {
    const node = tree.ok ? tree.value.lookup(key.split('.')) : null;
    return node ? plain(node) : undefined;
  };
  const request: CargoRequest = {
    invocation,
    cargo: programs.cargo,
    channel: await channelOf(programs, cwd, cache),
    environment: programs.environment,
    overrides: tree.ok ? withoutUnstable(tree.value) : [],
    configured,
    stderr,
    ...(options.signal ? { signal: options.signal } : {}),
  };
  const asking = askCargo(request);
  const learned = tree.ok ? await attemptAsync(learn(tree.value, programs, invocation, environment, cache)) : tree;
  const answer = await asking;
  if (!answer.ok) return answer;
  if (!tree.ok) throw tree.failure;
  if (!learned.ok) throw learned.failure;

  const { config, learnedToolchain } = learned.value;
  const platforms = new Set(answer.value.graph.units.map((unit) => unit.platform));
  await Promise.all([...platforms].map((platform) => learnedToolchain.learn(platform)));
  return success(
    assemble(
      answer.value,
      { invocation, environment, cargoHome, config, tree: tree.value, cache },
      learnedToolchain.toolchain,
    ),
  );
}

async function learn(
  tree: ConfigTree,
  programs: Programs,
  invocation: Invocation,
  environment: Environment,
  cache: DiskCache,
) {
  const targetsNamed = optionValues(invocation, '--target').length > 0 || tree.lookup(['build', 'target']) !== null;
  const early = makeConfig(tree, { host: '', targetsNamed, environment, cfgs: () => [] });
  const learnedToolchain = await readToolchain(
    { programs, tree, cwd: invocation.cwd, targetsNamed, environment, configEnv: early.env },
    cache,
  );
  const { toolchain } = learnedToolchain;
  const config = makeConfig(tree, {
    host: toolchain.host,
    targetsNamed,
    environment,
    cfgs: (platform) => toolchain.cfgs(platform),
  });
  return { config, learnedToolchain };
}

interface Surroundings {
  readonly invocation: Invocation;
  readonly environment: Environment;
  readonly cargoHome: string;
  readonly config: Config;
  readonly tree: ConfigTree;
  readonly cache: DiskCache;
}

function assemble(answer: Answer, around: Surroundings, toolchain: Workspace['toolchain']): Workspace {
  const { invocation, environment, cargoHome, config, tree, cache } = around;
  const { graph, metadata } = answer;
  const root = textOf(metadata, 'workspace_root');
  const lockFile = join(root, 'Cargo.lock');
  const members = memberTargets(metadata);

  const named = optionValues(invocation, '--target-dir').at(-1);
  const targetDir = named === undefined ? textOf(metadata, 'target_directory') : resolve(invocation.cwd, named);
  const separate = config.get('build.build-dir') !== undefined;
  const buildDir = separate ? textOf(metadata, 'build_directory') || targetDir : targetDir;

  const packages = readPackages(
    {
      graph,
      workspaceRoot: root,
      cargoHome,
      lock: readLock(lockFile),
      localRegistries: localRegistries(tree),
      isMember: (directory) => members.has(directory),
      memberTargets: (directory) => members.get(directory) ?? null,
    },
    cache,
  );
  const memberIds = [...packages.values()].filter((pkg) => pkg.source.kind === 'path' && pkg.source.member);
  return {
    invocation,
    root,
    lockFile,
    targetDir,
    buildDir,
    cargoHome,
    members: new Set(memberIds.map((pkg) => pkg.id)),
    graph,
    packages,
    config,
    toolchain,
    ...profileOf(invocation),
    environment,
  };
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

/**
 * A stable cargo ignores `[unstable]`, one that takes itself for a nightly one obeys it: switch it off again. Throws
 * `UserError` D0112 for what cannot be switched off.
 */
function withoutUnstable(tree: ConfigTree): readonly string[] {
  const node = tree.fromFiles(['unstable']);
  return entriesOf(node ? plain(node) : null).flatMap(([key, value]) => {
    if (typeof value === 'boolean') return value ? [`unstable.${key}=false`] : [];
    throw new UserError(
      'D0112',
      `the configuration sets \`unstable.${key}\`, which this cargo ignores but drydock's question to it would not`,
      'remove the key, or use a nightly toolchain',
    );
  });
}

/** cargo's release channel, from its version. */
async function channelOf(programs: Programs, cwd: string, cache: DiskCache): Promise<string> {
  const key = [programs.cargo, stamp(programs.cargo)];
  const known = cache.read('cargo', key);
  if (typeof known === 'string') return known;
  const result = await run(programs.cargo, ['-V'], { cwd, env: programs.environment });
  const release = /^cargo (\S+)/.exec(result.stdout.toString())?.[1] ?? '';
  const channel = /-(nightly|beta|dev)/.exec(release)?.[1] ?? 'stable';
  if (release !== '') cache.write('cargo', key, channel);
  return channel;
}

function defaultCacheDir(environment: Environment): string {
  return join(directoryFrom(environment, 'XDG_CACHE_HOME', '.cache'), 'drydock', 'cargo');
}

function attempt<Value>(work: () => Value): Result<Value, unknown> {
  try {
    return success(work());
  } catch (error) {
    return failure(error);
  }
}

async function attemptAsync<Value>(work: Promise<Value>): Promise<Result<Value, unknown>> {
  try {
    return success(await work);
  } catch (error) {
    return failure(error);
  }
}

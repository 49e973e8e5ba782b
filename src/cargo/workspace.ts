/** Everything of one invocation, from cargo and rustc themselves. */
import { join, resolve } from 'node:path';
import { failure, type Result, success, UserError } from '../sys/errors.ts';
import { userDirectory } from '../sys/ids.ts';
import { run } from '../sys/run.ts';
import { assemble } from './assemble.ts';
import {
  askCargo,
  type CargoFailure,
  type CargoRequest,
  channelInEnvironment,
  judgeManifest,
  pretends,
} from './cargo-process.ts';
import { makeConfig } from './config.ts';
import { type ConfigTree, readConfig } from './config-files.ts';
import { plain } from './config-value.ts';
import { processStderr, type Sink } from './diagnostics.ts';
import { type DiskCache, diskCache, stamp } from './disk-cache.ts';
import { optionValues } from './invocation.ts';
import { directoryFrom, findPrograms, type Programs } from './programs.ts';
import { entriesOf } from './tables.ts';
import { rememberedAnswer } from './remembered.ts';
import { readToolchain } from './toolchain.ts';
import type { Invocation, Workspace } from './types.ts';

export type { CargoFailure } from './cargo-process.ts';

export interface ReadOptions {
  /** Where answers of rustc, rustup and archives are kept. Default: `drydock/cargo` in the user's cache directory. */
  readonly cacheDir?: string;
  /** Where cargo's own messages go. Default: this process' stderr. */
  readonly stderr?: Sink;
  readonly signal?: AbortSignal;
  /** Called as soon as the configuration is read, before cargo is asked: with a look at it. */
  readonly onConfig?: (configured: (key: string) => unknown) => void;
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
  const { cwd, calledIn } = invocation;
  const cargoHome = resolve(cwd, directoryFrom(environment, 'CARGO_HOME', '.cargo'));
  const { toolchain, cargoSubcommand } = invocation;

  const found = await findPrograms({ toolchain, cargoSubcommand, cwd: calledIn, cargoHome, environment }, cache);
  if (!found.ok) {
    const { program, args } = found.failure;
    const refused = await run(program, [...args, invocation.verb], {
      cwd: calledIn,
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
  options.onConfig?.(configured);
  const channel = channelInEnvironment(programs.environment) ?? (await channelOf(programs, calledIn, cache));
  const request: CargoRequest = {
    invocation,
    cargo: programs.cargo,
    channel,
    environment: programs.environment,
    overrides: tree.ok && pretends({ channel }) ? withoutUnstable(tree.value) : [],
    configured,
    stderr,
    ...(options.signal ? { signal: options.signal } : {}),
  };
  const startedOn = Date.now();
  const remembered = rememberedAnswer(cache, request);
  const known = remembered.recall();
  let silent = true;
  const heard = { ...stderr, write: (text: string) => ((silent = false), stderr.write(text)) };
  const asking = attemptAsync(
    known === null ? askCargo({ ...request, stderr: heard }) : Promise.resolve(success(known)),
  );
  const learned = tree.ok ? await attemptAsync(learn(tree.value, programs, invocation, environment, cache)) : tree;
  const asked = await asking;
  if (!asked.ok) throw asked.failure;
  const answer = asked.value;
  if (!answer.ok) return answer;
  if (!tree.ok) throw tree.failure;
  if (!learned.ok) throw learned.failure;

  const { config, learnedToolchain } = learned.value;
  const platforms = new Set(answer.value.graph.units.map((unit) => unit.platform));
  await Promise.all([...platforms].map((platform) => learnedToolchain.learn(platform)));
  const cargoEnvironment = programs.environment;
  const surroundings = { invocation, environment, cargoEnvironment, cargoHome, config, tree: tree.value, cache };
  const { workspace, unstable } = assemble(answer.value, surroundings, learnedToolchain.toolchain);
  for (const manifestPath of pretends(request) ? unstable : []) {
    const objection = await judgeManifest(request, manifestPath);
    if (objection) return failure(objection);
  }
  // What cargo has said along with it must be said again.
  if (known === null && silent) remembered.keep(answer.value, workspace, startedOn);
  return success(workspace);
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
  return join(userDirectory('cache', environment) ?? '/', 'drydock', 'cargo');
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

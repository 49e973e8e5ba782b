/** Asks cargo itself: the unit graph of an invocation, and the workspace. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { failure, type Result, success, UserError } from '../sys/errors.ts';
import { type OutputMode, run } from '../sys/run.ts';
import { readArguments } from './arguments.ts';
import { tellCheckedTests } from './checked-tests.ts';
import { asStable, type Relay, relay, type Sink } from './diagnostics.ts';
import { hasOption, optionValues } from './invocation.ts';
import { asSpecification } from './lock-file.ts';
import { fieldOf } from './tables.ts';
import { makeRoomForRustcInfo } from '../sys/tagged-directory.ts';
import type { Invocation, UnitGraph } from './types.ts';

/** cargo ended by itself with this exit code; what it had to say has been passed on. */
export interface CargoFailure {
  readonly exitCode: number;
}

export interface CargoRequest {
  readonly invocation: Invocation;
  readonly cargo: string;
  /** `stable`, `beta`, `nightly`, `dev`. */
  readonly channel: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Further `--config` arguments for cargo. */
  readonly overrides: readonly string[];
  /** What the configuration says of a key. */
  configured(key: string): unknown;
  readonly stderr: Sink;
  readonly signal?: AbortSignal;
}

/** What `cargo metadata --no-deps` says, as parsed. */
export interface Answer {
  readonly graph: UnitGraph;
  readonly metadata: unknown;
}

const channelOverride = '__CARGO_TEST_CHANNEL_OVERRIDE_DO_NOT_USE_THIS';

/** Verbs that know `--unit-graph`. Anything else, aliases among them, cargo would run. */
const graphVerbs: ReadonlySet<string> = new Set(['build', 'check', 'test', 'bench', 'run', 'rustc', 'doc', 'rustdoc']);

/** Options that only a nightly cargo accepts, and that need `-Z unstable-options` of the user there. */
const unstableOptions = ['--artifact-dir', '--compile-time-deps', '-C', '--lockfile-path', '--out-dir'];

/**
 * Asks for the unit graph and, at the same time, for the workspace. On a stable cargo the first process is made to believe
 * that it is a nightly one, the second is not: so it is the second that refuses manifests that need a nightly cargo.
 */
export async function askCargo(request: CargoRequest): Promise<Result<Answer, CargoFailure>> {
  const { invocation } = request;
  if (isForCargoAlone(request)) return failure(await plainCargo(request, 'inherit'));

  const pretend = pretends(request);
  const rewrite = pretend ? asStable(request.channel) : (line: string) => line;
  // `cargo run` prints the graph, then panics because nothing was built.
  const panics = invocation.verb === 'run';
  const stderr = relay(request.stderr, rewrite, panics);
  const stop = new AbortController();
  const signal = request.signal ? AbortSignal.any([request.signal, stop.signal]) : stop.signal;
  const graphProcess = run(request.cargo, graphArguments(request), {
    cwd: invocation.cwd,
    env: { ...(pretend ? asNightly(childEnvironment(request)) : childEnvironment(request)), RUST_BACKTRACE: '0' },
    stderr: stderr.chunk,
    signal,
  });
  const metadataProcess = run(request.cargo, metadataArguments(request), {
    cwd: invocation.cwd,
    env: childEnvironment(request),
    signal,
  });

  const metadata = await metadataProcess;
  if (metadata.code === 101) {
    stop.abort();
    await graphProcess;
    request.stderr.write(metadata.stderr.toString());
    return failure({ exitCode: 101 });
  }
  stderr.release();
  const workspace: unknown = metadata.code === 0 ? JSON.parse(metadata.stdout.toString()) : null;
  const undo = makeRoomForRustcInfo(buildDirectory(request, workspace));
  const graph = await graphProcess;
  if (graph.startError)
    throw new UserError(
      'D0103',
      `\`${request.cargo}\` cannot be started: ${graph.startError.message}`,
      'reinstall the Rust toolchain',
    );
  const printed = graph.code === 0 || (panics && graph.stdout.length > 0);
  if (!printed) {
    undo();
    return failure(await explainFailure(request, graph.code, stderr, pretend));
  }
  stderr.flush();
  return success({ graph: tellCheckedTests(parseGraph(graph.stdout), invocation), metadata: workspace });
}

/** The directory in which the process that computes the graph keeps what it asks rustc. */
function buildDirectory(request: CargoRequest, workspace: unknown): unknown {
  const { invocation } = request;
  const named = optionValues(invocation, '--target-dir').at(-1);
  if (named !== undefined && request.configured('build.build-dir') === undefined) return resolve(invocation.cwd, named);
  return fieldOf(workspace, 'build_directory') ?? fieldOf(workspace, 'target_directory');
}

/**
 * The failure as plain cargo reports it. Its argument parser mentions drydock's own arguments in the usage line (exit code
 * 1), and a cargo that takes itself for a nightly one gives advice of its own; in both cases plain cargo refuses, too,
 * before it builds anything, and what it says is passed on instead.
 */
async function explainFailure(
  request: CargoRequest,
  code: number | null,
  stderr: Relay,
  pretend: boolean,
): Promise<CargoFailure> {
  const channelMatters =
    pretend && /`-Z|nightly (?:version|channel|release|features)|cargo-features|is unstable/.test(stderr.held());
  if (code === 1 || channelMatters) {
    const plain = await plainCargo(request, 'errors');
    if (plain.exitCode !== 0) return plain;
  }
  stderr.flush();
  return { exitCode: code ?? 101 };
}

/** Runs cargo with exactly the user's arguments. `errors`: only from its first error on; the rest was already shown. */
async function plainCargo(request: CargoRequest, show: 'inherit' | 'errors'): Promise<CargoFailure> {
  const { invocation } = request;
  const stderr = relay({ ...request.stderr, write: () => {} }, (line) => line);
  const args = [...invocation.globalArguments, ...(invocation.verb === '' ? [] : [invocation.verb])];
  const result = await run(request.cargo, [...args, ...invocation.cargoArguments], {
    cwd: invocation.calledIn,
    env: childEnvironment(request),
    stdout: show === 'inherit' ? 'inherit' : 'ignore',
    stderr: show === 'inherit' ? forward(request.stderr) : stderr.chunk,
    ...(request.signal ? { signal: request.signal } : {}),
  });
  if (show === 'errors') request.stderr.write(stderr.held());
  return { exitCode: result.code ?? 101 };
}

function forward(sink: Sink): OutputMode {
  return sink.inherited ? 'inherit' : (data) => sink.write(data.toString());
}

/**
 * Lets cargo judge the manifest of a path or git package outside of the workspace that names unstable features: the
 * process that computed the graph accepted them as a nightly cargo would. Null: it has no objection.
 */
export async function judgeManifest(request: CargoRequest, manifestPath: string): Promise<CargoFailure | null> {
  const args = ['metadata', '--no-deps', '--format-version=1', '--quiet', '--manifest-path', manifestPath];
  const result = await run(request.cargo, args, { cwd: request.invocation.cwd, env: childEnvironment(request) });
  if (result.code === 0) return null;
  // What this manifest alone is refused for, plain cargo refuses with the whole story, before it builds anything.
  return plainCargo(request, 'errors');
}

/** Help, the graph itself, and what cargo is going to refuse: nothing gets built, so cargo may have the word. */
function isForCargoAlone(request: CargoRequest): boolean {
  const { invocation } = request;
  if (!graphVerbs.has(invocation.verb) || hasOption(invocation, '--help')) return true;
  const given = optionValues(invocation, '-Z');
  const nightly = request.channel === 'nightly' || request.channel === 'dev';
  if (given.includes('help') || hasOption(invocation, '--unit-graph')) return true;
  if (!existsSync(invocation.cwd)) return true;
  if (given.length > 0 && !nightly) return true;
  const allowed = nightly && given.includes('unstable-options');
  const configured = ['build.artifact-dir', 'build.out-dir'].some((key) => request.configured(key) !== undefined);
  return !allowed && (configured || unstableOptions.some((name) => hasOption(invocation, name)));
}

/** `CARGO_UNSTABLE_*` has no meaning for a stable cargo and must not get one. */
function asNightly(environment: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const kept = Object.entries(environment).filter(([name]) => !name.startsWith('CARGO_UNSTABLE_'));
  return { ...Object.fromEntries(kept), [channelOverride]: 'nightly' };
}

/** Whether cargo has to be made to believe that it is a nightly one. */
export function pretends({ channel }: Pick<CargoRequest, 'channel'>): boolean {
  return channel !== 'nightly' && channel !== 'dev';
}

/** The channel that the environment makes cargo believe in, whatever its version; null: it says nothing. */
export function channelInEnvironment(environment: Readonly<Record<string, string>>): string | null {
  return environment[channelOverride] ?? (environment['RUSTC_BOOTSTRAP'] === '1' ? 'dev' : null);
}

function graphArguments(request: CargoRequest): string[] {
  const { invocation } = request;
  const given = optionValues(invocation, '-Z').includes('unstable-options') ? [] : ['-Z', 'unstable-options'];
  const overrides = request.overrides.flatMap((override) => ['--config', override]);
  return [
    ...withoutDirectory(invocation.globalArguments),
    invocation.verb,
    '--unit-graph',
    ...given,
    ...overrides,
    ...invocation.cargoArguments,
  ];
}

function metadataArguments(request: CargoRequest): string[] {
  const { invocation } = request;
  const passed = ['--manifest-path', '--config', '-Z', '--color', '--lockfile-path'].flatMap((name) =>
    optionValues(invocation, name).map((value) => (name === '-Z' ? `-Z${value}` : `${name}=${value}`)),
  );
  return ['metadata', '--no-deps', '--format-version=1', '--quiet', ...passed];
}

/** `-C DIR` is applied as the process' working directory. */
function withoutDirectory(argv: readonly string[]): readonly string[] {
  const result: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] ?? '';
    if (readArguments([argument, argv[i + 1] ?? ''], null).count('-C') === 0 || !argument.startsWith('-C')) {
      result.push(argument);
    } else if (argument === '-C') i++;
  }
  return result;
}

/** stderr is a pipe here: what cargo would do for a terminal, colours and progress, has to be asked for. */
function childEnvironment(request: CargoRequest): Readonly<Record<string, string>> {
  const { environment, stderr } = request;
  if (!stderr.isTerminal) return environment;
  const decided = (key: string) => ![undefined, 'auto'].includes(request.configured(key) as string | undefined);
  return {
    ...environment,
    ...(decided('term.color') ? {} : { CARGO_TERM_COLOR: 'always' }),
    ...(decided('term.progress.when')
      ? {}
      : { CARGO_TERM_PROGRESS_WHEN: 'always', CARGO_TERM_PROGRESS_WIDTH: String(stderr.columns) }),
  };
}

function parseGraph(stdout: Buffer): UnitGraph {
  const graph: unknown = JSON.parse(stdout.toString('utf8'));
  if (fieldOf(graph, 'version') !== 1 || !Array.isArray(fieldOf(graph, 'units'))) {
    throw new UserError(
      'D0104',
      'this cargo prints its unit graph in an unknown form',
      'use a cargo between 1.82 and 1.95',
    );
  }
  const { units, ...rest } = graph as UnitGraph;
  if (!units.some((unit) => unit.pkg_id.endsWith(')'))) return { units, ...rest };
  return { ...rest, units: units.map((unit) => ({ ...unit, pkg_id: asSpecification(unit.pkg_id) })) };
}

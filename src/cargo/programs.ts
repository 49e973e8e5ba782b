/** Which cargo and rustc are meant: behind rustup's proxies, `+toolchain`, `$CARGO`, the configuration. */
import { existsSync, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { failure, type Result, success, UserError } from '../sys/errors.ts';
import { run } from '../sys/run.ts';
import { type DiskCache, stamp } from './disk-cache.ts';

export interface Programs {
  /** The programs themselves, never rustup's proxies. `rustc`: what cargo would take without any configuration. */
  readonly cargo: string;
  readonly rustc: string;
  /** The environment that the programs are started in: what rustup's proxy would add. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface ProgramsRequest {
  readonly toolchain: string | null;
  readonly cargoSubcommand: boolean;
  readonly cwd: string;
  readonly cargoHome: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** No such toolchain, or no such program in it: the program to start instead, which says so and with which exit code. */
export interface Refusal {
  readonly program: string;
  readonly args: readonly string[];
}

/**
 * Finds cargo and rustc. Spawns `rustup which` only when no record of an earlier answer holds. Throws `UserError` D0101
 * where there is no cargo. Rule: rustup book, "Overrides".
 */
export async function findPrograms(request: ProgramsRequest, cache: DiskCache): Promise<Result<Programs, Refusal>> {
  const { environment } = request;
  const named = environment['CARGO'];
  if (request.cargoSubcommand && request.toolchain === null && named !== undefined && existsSync(named)) {
    return success({ cargo: named, rustc: rustcBeside(environment), environment });
  }
  const cargo = cargoOnPath(environment);
  const rustup = onPath('rustup', environment);
  if (rustup === null || !isProxy(cargo, rustup)) {
    if (request.toolchain !== null) return failure({ program: cargo, args: [`+${request.toolchain}`] });
    const rustc = onPath('rustc', environment) ?? 'rustc';
    if (rustup === null || !isProxy(rustc, rustup)) return success({ cargo, rustc, environment });
    const behind = await askRustup(request, rustup, cache);
    return behind === null
      ? failure({ program: rustc, args: ['-V'] })
      : success({ cargo, rustc: behind.rustc, environment });
  }
  const answer = await askRustup(request, rustup, cache);
  if (answer === null) {
    const args = request.toolchain === null ? ['-V'] : [`+${request.toolchain}`, '-V'];
    return failure({ program: cargo, args });
  }
  return success({
    ...answer,
    environment: proxyEnvironment(request, isProxy(answer.rustc, rustup) ? answer.cargo : answer.rustc),
  });
}

/** rustup's proxy, where rustup is. Throws `UserError` D0101. */
export function cargoOnPath(environment: Readonly<Record<string, string>>): string {
  const cargo = onPath('cargo', environment);
  if (cargo !== null) return cargo;
  throw new UserError('D0101', 'there is no `cargo` on PATH', 'install Rust, or put its bin directory on PATH');
}

/** Files that decide which toolchain rustup takes in `cwd`, there or not. */
export function toolchainFiles(cwd: string, environment: Readonly<Record<string, string>>): readonly string[] {
  const files = [join(rustupHome(environment), 'settings.toml')];
  for (let directory = cwd; ; directory = dirname(directory)) {
    files.push(join(directory, 'rust-toolchain'), join(directory, 'rust-toolchain.toml'));
    if (dirname(directory) === directory) return files;
  }
}

interface Answer {
  readonly cargo: string;
  readonly rustc: string;
}

async function askRustup(request: ProgramsRequest, rustup: string, cache: DiskCache): Promise<Answer | null> {
  const { environment, cwd } = request;
  const toolchain = request.toolchain ?? environment['RUSTUP_TOOLCHAIN'] ?? null;
  const watched = toolchain === null ? toolchainFiles(cwd, environment) : [];
  const key = [rustup, stamp(rustup), toolchain, rustupHome(environment), cwd, watched.map(stamp)];
  const known = cache.read('programs', key);
  if (isAnswer(known) && existsSync(known.cargo) && existsSync(known.rustc)) return known;

  const which = async (tool: string): Promise<string | null> => {
    const chosen = request.toolchain === null ? [] : ['--toolchain', request.toolchain];
    const result = await run(rustup, ['which', ...chosen, tool], { cwd, env: environment });
    return result.code === 0 ? result.stdout.toString().trim() : null;
  };
  const [cargo, rustc] = await Promise.all([which('cargo'), which('rustc')]);
  if (!cargo) return null;
  // A toolchain without rustc: cargo goes on to the proxy, which says what is missing, unless the configuration names one.
  if (!rustc) return { cargo, rustc: onPath('rustc', environment) ?? 'rustc' };
  cache.write('programs', key, { cargo, rustc });
  return { cargo, rustc };
}

function isAnswer(value: unknown): value is Answer {
  return (
    value !== null &&
    typeof value === 'object' &&
    'cargo' in value &&
    'rustc' in value &&
    typeof value.cargo === 'string' &&
    typeof value.rustc === 'string'
  );
}

/** What rustup's proxy sets for the programs it starts. cargo keys its own cache of rustc's answers by some of it. */
function proxyEnvironment(request: ProgramsRequest, program: string): Readonly<Record<string, string>> {
  const { environment, cargoHome } = request;
  const directory = dirname(dirname(program));
  const home = rustupHome(environment);
  const name = dirname(directory) === join(home, 'toolchains') ? basename(directory) : directory;
  const bin = join(cargoHome, 'bin');
  const path = environment['PATH'] ?? '';
  const libraries = join(directory, 'lib');
  const loader = environment['LD_LIBRARY_PATH'];
  return {
    ...environment,
    CARGO_HOME: cargoHome,
    RUSTUP_HOME: home,
    RUSTUP_TOOLCHAIN: name,
    RUST_RECURSION_COUNT: String(Number(environment['RUST_RECURSION_COUNT'] ?? 0) + 1),
    PATH: path.split(delimiter).includes(bin) ? path : [bin, path].join(delimiter),
    LD_LIBRARY_PATH: loader === undefined || loader === '' ? libraries : [libraries, loader].join(delimiter),
  };
}

/** rustc for a cargo that was named: as cargo itself goes past the proxies, by `RUSTUP_TOOLCHAIN`. */
function rustcBeside(environment: Readonly<Record<string, string>>): string {
  const rustc = onPath('rustc', environment) ?? 'rustc';
  const rustup = onPath('rustup', environment);
  const toolchain = environment['RUSTUP_TOOLCHAIN'];
  if (rustup === null || toolchain === undefined || !isProxy(rustc, rustup)) return rustc;
  const root = toolchain.includes('/') ? toolchain : join(rustupHome(environment), 'toolchains', toolchain);
  const behind = join(root, 'bin', 'rustc');
  return existsSync(behind) ? behind : rustc;
}

/**
 * What cargo calls the rustc that it would take without any configuration: by its path where it goes past rustup's proxy,
 * else `rustc`. `environment`: the one that cargo runs in.
 */
export function nameOfRustc({ environment, rustc }: Programs): string {
  const found = onPath('rustc', environment);
  const rustup = onPath('rustup', environment);
  const toolchain = environment['RUSTUP_TOOLCHAIN'];
  if (found === null || rustup === null || toolchain === undefined || toolchain.includes('/')) return 'rustc';
  return isProxy(found, rustup) ? rustc : 'rustc';
}

function rustupHome(environment: Readonly<Record<string, string>>): string {
  return directoryFrom(environment, 'RUSTUP_HOME', '.rustup');
}

/** A proxy is rustup itself under another name. */
export function isProxy(program: string, rustup: string): boolean {
  try {
    return realpathSync(program) === realpathSync(rustup) || statSync(program).size === statSync(rustup).size;
  } catch {
    return false;
  }
}

/** The program that `name` stands for: a path as it is, a name by PATH; null where there is none. */
export function onPath(name: string, environment: Readonly<Record<string, string>>): string | null {
  if (name.includes('/')) return existsSync(name) ? name : null;
  for (const directory of (environment['PATH'] ?? '').split(delimiter)) {
    const candidate = resolve(directory === '' ? '.' : directory, name);
    try {
      const { mode } = statSync(candidate);
      if ((mode & 0o111) !== 0 && (mode & 0o170000) === 0o100000) return candidate;
    } catch {
      continue;
    }
  }
  return null;
}

/** A directory that a variable names; unset or empty: `fallback` in the user's home. */
export function directoryFrom(environment: Readonly<Record<string, string>>, name: string, fallback: string): string {
  const named = environment[name];
  return named === undefined || named === '' ? join(environment['HOME'] ?? homedir(), fallback) : named;
}

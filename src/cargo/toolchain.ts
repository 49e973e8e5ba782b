/** What rustc says of itself and of the platforms, asked once per rustc and set of flags. */
import { UserError } from '../sys/errors.ts';
import { run } from '../sys/run.ts';
import type { Config } from './types.ts';
import { type FlagsContext, rustflags, shortName, tool } from './config.ts';
import type { ConfigTree } from './config-files.ts';
import { type DiskCache, stamp } from './disk-cache.ts';
import { isProxy, nameOfRustc, onPath, type Programs } from './programs.ts';
import type { Toolchain } from './types.ts';

/** The crate types asked for; the order of the answer's first lines. */
const crateTypes = ['bin', 'rlib', 'dylib', 'cdylib', 'staticlib', 'proc-macro'] as const;

interface Platform {
  readonly cfgs: readonly string[];
  readonly sysroot: string;
  /** Prefix and suffix by crate type; a type that is missing is not supported. */
  readonly names: Readonly<Record<string, readonly [string, string]>>;
}

export interface ToolchainRequest {
  readonly programs: Programs;
  readonly tree: ConfigTree;
  readonly cwd: string;
  readonly targetsNamed: boolean;
  /** The caller's environment: rustflags come from it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly configEnv: Config['env'];
}

/** A toolchain whose platforms are learned one after another; `toolchain` answers for those that were. */
export interface LearnedToolchain {
  readonly toolchain: Toolchain;
  learn(platform: string | null): Promise<void>;
}

/**
 * Asks rustc for its version and for the host. Throws `UserError` D0102 when it cannot be run, D0104 when it is too old. cargo's flags for a
 * platform may depend on its cfgs, which depend on the flags: like cargo, ask at most twice.
 */
export async function readToolchain(request: ToolchainRequest, cache: DiskCache): Promise<LearnedToolchain> {
  const { rustc, rustcName } = rustcOf(request);
  const env = childEnvironment(request);
  const verboseVersion = await versionOf(rustc, env, request.cwd, cache);
  refuseOld(verboseVersion);
  const host = /^host: (.*)$/m.exec(verboseVersion)?.[1] ?? '';
  const platforms = new Map<string, Platform>();

  const flagsFor = (platform: string | null, cfgs: readonly string[]): readonly string[] => {
    const triple = platform === null ? host : shortName(platform);
    const { environment, targetsNamed } = request;
    const context: FlagsContext = { environment, targetsNamed, platform, triple, cfgs };
    return rustflags(request.tree, context);
  };
  const learn = async (platform: string | null): Promise<void> => {
    if (platforms.has(platform ?? '')) return;
    let flags = flagsFor(platform, []);
    let known = await platformOf({ rustc, env, cwd: request.cwd, platform, flags }, cache);
    const better = flagsFor(platform, known.cfgs);
    if (JSON.stringify(better) !== JSON.stringify(flags)) {
      flags = better;
      known = await platformOf({ rustc, env, cwd: request.cwd, platform, flags }, cache);
    }
    platforms.set(platform ?? '', known);
  };
  await learn(null);

  const of = (platform: string | null): Platform => {
    const known = platforms.get(platform ?? '');
    if (!known) throw new Error(`platform ${platform ?? 'host'} was not learned`);
    return known;
  };
  return {
    learn,
    toolchain: {
      cargo: request.programs.cargo,
      rustc,
      rustcName,
      sysroot: of(null).sysroot,
      verboseVersion,
      release: /^release: (.*)$/m.exec(verboseVersion)?.[1] ?? '',
      host,
      cfgs: (platform) => of(platform).cfgs,
      fileName: (platform, crateType) => {
        const pair = of(platform).names[crateType === 'lib' ? 'rlib' : crateType];
        return pair ? { prefix: pair[0], suffix: pair[1] } : null;
      },
    },
  };
}

/** `$RUSTC`, `build.rustc`, else what the toolchain has. */
function rustcOf(request: ToolchainRequest): Pick<Toolchain, 'rustc' | 'rustcName'> {
  const configured = tool(request.tree, request.environment, 'RUSTC', 'rustc');
  if (configured === null) return { rustc: request.programs.rustc, rustcName: nameOfRustc(request.programs) };
  const found = onPath(configured, request.programs.environment);
  const rustup = onPath('rustup', request.programs.environment);
  const proxy = found !== null && rustup !== null && isProxy(found, rustup);
  return { rustc: proxy ? request.programs.rustc : (found ?? configured), rustcName: configured };
}

function childEnvironment(request: ToolchainRequest): Readonly<Record<string, string>> {
  const env: Record<string, string> = { ...request.programs.environment };
  for (const [name, { value, force }] of Object.entries(request.configEnv)) {
    if (force || env[name] === undefined) env[name] = value;
  }
  delete env['RUSTC_LOG'];
  return env;
}

async function versionOf(
  rustc: string,
  env: Readonly<Record<string, string>>,
  cwd: string,
  cache: DiskCache,
): Promise<string> {
  const key = [rustc, stamp(rustc), env['RUSTUP_TOOLCHAIN'] ?? null];
  const known = cache.read('rustc', key);
  if (typeof known === 'string') return known;
  const result = await run(rustc, ['-vV'], { cwd, env });
  if (result.code !== 0) throw unusable(rustc, result.startError?.message ?? result.stderr.toString());
  const text = result.stdout.toString();
  if (!/^host: /m.test(text)) throw unusable(rustc, 'its `-vV` names no host');
  cache.write('rustc', key, text);
  return text;
}

interface Question {
  readonly rustc: string;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly platform: string | null;
  readonly flags: readonly string[];
}

async function platformOf(question: Question, cache: DiskCache): Promise<Platform> {
  const { rustc, env, cwd, platform, flags } = question;
  const specification = platform?.endsWith('.json') ? stamp(platform) : null;
  const key = [rustc, stamp(rustc), env['RUSTUP_TOOLCHAIN'], env['RUSTC_BOOTSTRAP'], platform, specification, flags];
  const known = cache.read('platform', key);
  if (isPlatform(known)) return known;

  const args = ['-', '--crate-name', '___', '--print=file-names', ...flags];
  if (platform !== null) args.push('--target', platform);
  // As cargo asks: such a file is unstable for rustc.
  if (specification !== null) args.push('-Zunstable-options');
  for (const type of crateTypes) args.push('--crate-type', type);
  args.push('--print=sysroot', '--print=crate-name', '--print=cfg', '-Wwarnings');
  const result = await run(rustc, args, { cwd, env, input: '' });
  if (result.code !== 0) throw unusable(rustc, result.startError?.message ?? result.stderr.toString());

  const unsupported = result.stderr.toString();
  const lines = result.stdout.toString().split('\n');
  const names: Record<string, readonly [string, string]> = {};
  for (const type of crateTypes) {
    if (new RegExp(`(dropping unsupported|unknown) crate type \`${type}\``).test(unsupported)) continue;
    const [prefix, suffix] = (lines.shift() ?? '').trim().split('___');
    names[type] = [prefix ?? '', suffix ?? ''];
  }
  const sysroot = lines.shift() ?? '';
  // `--print=crate-name` stands between: its `___` shows that the lines above were read right.
  if (lines.shift() !== '___') throw unusable(rustc, 'its answer to `--print` has an unknown form');
  const platformFacts: Platform = {
    cfgs: lines.filter((line) => line !== '' && line !== 'proc_macro'),
    sysroot,
    names,
  };
  cache.write('platform', key, platformFacts);
  return platformFacts;
}

function isPlatform(value: unknown): value is Platform {
  return value !== null && typeof value === 'object' && 'cfgs' in value && 'sysroot' in value && 'names' in value;
}

function unusable(rustc: string, why: string): UserError {
  return new UserError(
    'D0102',
    `\`${rustc}\` cannot be used: ${why.trim()}`,
    'reinstall the Rust toolchain; unset RUSTC and `build.rustc` if they name something else',
  );
}

/** Before this version `--check-cfg`, which every unit is compiled with, is unstable, and cargo's graph says less. */
const oldestMinor = 82;

function refuseOld(verboseVersion: string): void {
  const [, release = '', major = '', minor = ''] = /^release: ((\d+)\.(\d+)\S*)$/m.exec(verboseVersion) ?? [];
  if (release === '' || Number(major) > 1 || Number(minor) >= oldestMinor) return;
  throw new UserError(
    'D0104',
    `this toolchain is too old: rustc ${release}`,
    `use Rust 1.${oldestMinor} or later: \`rustup update\`, or another \`+toolchain\` or \`rust-toolchain.toml\``,
  );
}

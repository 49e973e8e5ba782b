/** rustc's arguments that are known before anything is built, in cargo's order (`core/compiler/mod.rs`). */
import type { Package, Unit } from '../cargo/types.ts';
import { usesExtraFilename } from './files.ts';
import { type Lto, ltoArguments } from './lto.ts';
import { depsPlace, incrementalPlace, outPlace } from './places.ts';
import { crateName, isBuildScript, isCheck, isForHost, isProcMacro, isTest, needsObjects } from './target.ts';
import type { UnitId } from './types.ts';

export interface ArgumentsRequest {
  readonly unit: Unit;
  readonly package: Package;
  readonly id: UnitId;
  /** The crate root as rustc is told of it. */
  readonly source: string;
  readonly lto: Lto;
  /** The package is one of those asked for. */
  readonly primary: boolean;
  /** `harness = false` was not said. */
  readonly harness: boolean;
  readonly incremental: boolean;
  readonly linker: string | null;
  /** `--extern` and its value, alternating, as `externArguments` makes them. */
  readonly externs: readonly string[];
  readonly capLints: 'allow' | null;
  readonly rustflags: readonly string[];
  readonly host: string;
}

/**
 * The arguments of one compilation, complete but for what build scripts add at the end. Differences from cargo's are
 * intended and listed in docs/derivation.md: identity, paths, message format, place of the incremental state.
 */
export function rustcArguments(request: ArgumentsRequest): readonly string[] {
  const { unit, id } = request;
  const { profile, target } = unit;
  const extra = usesExtraFilename(unit, request.package, request.host);
  return [
    '--crate-name',
    crateName(target),
    `--edition=${target.edition}`,
    request.source,
    '--error-format=json',
    '--json=diagnostic-rendered-ansi,artifacts,future-incompat',
    ...(isTest(unit) ? [] : target.crate_types.flatMap((type) => ['--crate-type', type])),
    `--emit=${emits(unit)}`,
    ...(prefersDynamic(unit, request.primary) ? ['-C', 'prefer-dynamic'] : []),
    ...(profile.opt_level === '0' ? [] : ['-C', `opt-level=${profile.opt_level}`]),
    ...panicArguments(profile.panic),
    ...ltoArguments(request.lto),
    ...(profile.codegen_backend === null ? [] : ['-Z', `codegen-backend=${profile.codegen_backend}`]),
    ...(profile.codegen_units === null ? [] : ['-C', `codegen-units=${profile.codegen_units}`]),
    ...debugArguments(unit),
    ...request.package.lintFlags,
    ...(profile.rustflags ?? []),
    ...checkArguments(unit),
    ...testArguments(unit, request.harness),
    ...featureArguments(unit),
    ...checkCfgArguments(request.package),
    '-C',
    `metadata=${id}`,
    ...(extra ? ['-C', `extra-filename=-${id}`] : []),
    ...(profile.rpath ? ['-C', 'rpath'] : []),
    '--out-dir',
    outPlace,
    ...(unit.platform === null ? [] : ['--target', unit.platform]),
    ...(request.linker === null ? [] : ['-C', `linker=${request.linker}`]),
    ...(request.incremental ? ['-C', `incremental=${incrementalPlace}`] : []),
    ...stripArguments(profile.strip),
    ...(unit.is_std === true ? ['-Z', 'force-unstable-if-unmarked'] : []),
    '-L',
    `dependency=${depsPlace}`,
    ...request.externs,
    ...(isProcMacro(target) ? ['--extern', 'proc_macro'] : []),
    ...(request.capLints === null ? [] : ['--cap-lints', request.capLints]),
    ...request.rustflags,
  ];
}

/**
 * Whether rustc optimises by these arguments. If so it overwrites files of its incremental state in place, and the state
 * of one that was killed cannot be trusted.
 */
export function optimises(argv: readonly string[]): boolean {
  return argv.some((argument, index) => {
    if (argument === '-O') return true;
    const option =
      argv[index - 1] === '-C' || argv[index - 1] === '--codegen' ? argument : argument.replace(/^-C|^--codegen=/, '');
    const [name, value] = option.split('=');
    return (name === 'opt-level' && value !== '0') || (name === 'lto' && value !== 'off' && value !== 'no');
  });
}

function emits(unit: Unit): string {
  if (isCheck(unit)) return 'dep-info,metadata';
  return needsObjects(unit) ? 'dep-info,link' : 'dep-info,metadata,link';
}

function prefersDynamic(unit: Unit, primary: boolean): boolean {
  if (isForHost(unit.target) && !isBuildScript(unit.target)) return true;
  return !isTest(unit) && unit.target.crate_types.includes('dylib') && !primary;
}

function panicArguments(panic: string): readonly string[] {
  if (panic === 'unwind') return [];
  return ['-C', `panic=${panic}`, ...(panic === 'immediate-abort' ? ['-Z', 'unstable-options'] : [])];
}

function debugArguments({ profile }: Unit): readonly string[] {
  const { debuginfo, split_debuginfo: split } = profile;
  if (!hasDebugInfo(debuginfo)) return [];
  return ['-C', `debuginfo=${debuginfo}`, ...(split === null ? [] : ['-C', `split-debuginfo=${split}`])];
}

export function hasDebugInfo(debuginfo: number | string | null): debuginfo is number | string {
  return debuginfo !== null && debuginfo !== 0 && debuginfo !== 'none';
}

/** Overflow checks follow debug assertions unless they are named, and both follow the optimisation level. */
function checkArguments({ profile }: Unit): readonly string[] {
  const { debug_assertions: assertions, overflow_checks: overflow } = profile;
  const assumed = profile.opt_level === '0';
  return [
    ...(assertions === assumed ? [] : ['-C', `debug-assertions=${assertions ? 'on' : 'off'}`]),
    ...(overflow === assertions ? [] : ['-C', `overflow-checks=${overflow ? 'on' : 'off'}`]),
  ];
}

function testArguments(unit: Unit, harness: boolean): readonly string[] {
  if (!isTest(unit)) return [];
  if (!harness) return ['--cfg', 'test'];
  return unit.profile.panic === 'unwind' ? ['--test'] : ['--test', '-Z', 'panic-abort-tests'];
}

export function featureArguments({ features }: Unit): readonly string[] {
  return features.flatMap((feature) => ['--cfg', `feature="${feature}"`]);
}

export function checkCfgArguments(pkg: Package): readonly string[] {
  const features = pkg.features.map((feature) => `"${feature}"`).join(', ');
  return ['--check-cfg', 'cfg(docsrs,test)', '--check-cfg', `cfg(feature, values(${features}))`];
}

/** The graph prints `{"resolved": {"Named": "debuginfo"}}`, or `"None"` inside of either key. */
function stripArguments(strip: unknown): readonly string[] {
  const name = strippedParts(strip);
  return name === null ? [] : ['-C', `strip=${name}`];
}

function strippedParts(strip: unknown): string | null {
  if (typeof strip === 'string') return strip.toLowerCase() === 'none' ? null : strip;
  if (typeof strip !== 'object' || strip === null) return null;
  const [inner] = Object.values(strip) as unknown[];
  return strippedParts(inner);
}

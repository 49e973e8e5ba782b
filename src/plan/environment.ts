/** The environment of rustc and of build scripts, as cargo sets it (The Cargo book, "Environment variables"). */
import * as path from 'node:path';
import type { Config, Package, Unit } from '../cargo/types.ts';
import { hasDebugInfo } from './arguments.ts';
import { type Place, workspacePlace } from './places.ts';
import { crateName, isExecutable, kindOf } from './target.ts';
import { parse } from './versions.ts';
import type { Wrappers } from './wrappers.ts';

export type Environment = Map<string, string>;
type Caller = Readonly<Record<string, string>>;

export interface PackageContext {
  readonly package: Package;
  readonly place: Place;
  /** The package's real directory may be baked in (dev lane); otherwise its place. */
  readonly real: boolean;
  readonly config: Config;
  readonly caller: Caller;
  readonly workspaceRoot: string;
  /** Absolute path of cargo in the sandbox. */
  readonly cargo: string;
}

export interface CompileContext extends PackageContext {
  readonly unit: Unit;
  /** Value of `CARGO_TARGET_TMPDIR`. */
  readonly scratch: string;
  /** Where a binary of the package will be found: value of `CARGO_BIN_EXE_<name>`. */
  executable(name: string): string;
}

export interface RunContext extends PackageContext {
  readonly unit: Unit;
  readonly profileRoot: 'debug' | 'release';
  readonly target: string;
  readonly host: string;
  readonly rustc: string;
  readonly rustdoc: string;
  readonly wrappers: Wrappers;
  readonly linker: string | null;
  readonly cfgs: readonly string[];
  readonly rustflags: readonly string[];
  /** Libraries of the sysroot, for scripts that link to them dynamically. */
  readonly sysrootLibraries: string;
}

/** rustc's environment, but for what is known at run time (`OUT_DIR`, `rustc-env`, `LD_LIBRARY_PATH`). */
export function compileEnvironment(context: CompileContext): Environment {
  const { unit, package: pkg } = context;
  const environment: Environment = new Map();
  if (isExecutable(unit.target)) environment.set('CARGO_BIN_NAME', unit.target.name);
  environment.set('CARGO_CRATE_NAME', crateName(unit.target));
  addPackage(environment, context);
  addConfigured(environment, context);
  if (['test', 'bench'].includes(kindOf(unit.target))) {
    for (const target of pkg.targets) {
      if (kindOf(target) !== 'bin') continue;
      environment.set(`CARGO_BIN_EXE_${target.name}`, context.executable(target.name));
    }
    environment.set('CARGO_TARGET_TMPDIR', context.scratch);
  }
  return environment;
}

/** A build script's environment, but for `OUT_DIR`, `NUM_JOBS` and `DEP_*`. */
export function runEnvironment(context: RunContext): Environment {
  const { unit, package: pkg } = context;
  const environment: Environment = new Map();
  environment.set('LD_LIBRARY_PATH', context.sysrootLibraries);
  addPackage(environment, context);
  addConfigured(environment, context);
  addDirectory(environment, context);
  environment.set('TARGET', context.target);
  environment.set('DEBUG', String(hasDebugInfo(unit.profile.debuginfo)));
  environment.set('OPT_LEVEL', unit.profile.opt_level);
  environment.set('PROFILE', context.profileRoot);
  environment.set('HOST', context.host);
  environment.set('RUSTC', context.rustc);
  environment.set('RUSTDOC', context.rustdoc);
  if (context.linker !== null) environment.set('RUSTC_LINKER', context.linker);
  if (pkg.links !== null) environment.set('CARGO_MANIFEST_LINKS', pkg.links);
  for (const feature of unit.features) environment.set(`CARGO_FEATURE_${envify(feature)}`, '1');
  for (const [key, values] of cfgValues(context)) environment.set(`CARGO_CFG_${envify(key)}`, values.join(','));
  environment.set('CARGO_ENCODED_RUSTFLAGS', context.rustflags.join('\u001f'));
  for (const name of ['RUSTFLAGS', 'RUSTC_WRAPPER', 'RUSTC_WORKSPACE_WRAPPER']) environment.delete(name);
  const { all, workspace } = context.wrappers;
  if (all !== null) environment.set('RUSTC_WRAPPER', all.program);
  if (workspace !== null) environment.set('RUSTC_WORKSPACE_WRAPPER', workspace.program);
  return environment;
}

/** `DEP_<LINKS>`: what the builder puts before each key of a linked package's metadata. */
export function metadataPrefix(links: string): string {
  return `DEP_${envify(links)}`;
}

/** What a sandbox decides for itself: never taken from the caller, whatever asks for it. */
const sandboxed = new Set(
  (
    'PATH HOME TMPDIR TEMPDIR TMP TEMP PWD OLDPWD SHLVL _ LD_LIBRARY_PATH OUT_DIR NUM_JOBS MAKEFLAGS MFLAGS ' +
    'CARGO_MAKEFLAGS RUSTFLAGS RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER NIX_BUILD_TOP NIX_BUILD_CORES NIX_STORE'
  ).split(' '),
);

/** The caller's settings of the compiler itself: rustc reads them whether or not the source names them. */
const always = ['RUSTC_BOOTSTRAP', 'RUST_MIN_STACK'];

/**
 * Adds the caller's value of each name that was learned or that the source names, unless cargo has set it. The values that
 * were added.
 */
export function grantVariables(environment: Environment, names: Iterable<string>, caller: Caller): readonly string[] {
  const added: string[] = [];
  for (const name of [...always, ...names]) {
    const value = caller[name];
    if (value === undefined || sandboxed.has(name) || environment.has(name)) continue;
    environment.set(name, value);
    added.push(value);
  }
  return added;
}

/** The values that came from `[env]` of the configuration. */
export function configuredValues(environment: Environment, config: Config): readonly string[] {
  return Object.keys(config.env).flatMap((name) => environment.get(name) ?? []);
}

/** Adds directories in which the loader looks for libraries. */
export function addLibraries(environment: Environment, directories: readonly string[]): void {
  if (directories.length === 0) return;
  const before = environment.get('LD_LIBRARY_PATH');
  environment.set('LD_LIBRARY_PATH', [...(before === undefined ? [] : [before]), ...directories].join(':'));
}

/**
 * What a unit may be granted by name: the caller's variables, what its manifest says in words, and cargo's mark of the
 * packages that were asked for. A unit that does not read the mark is the same whichever packages were asked for.
 */
export function grantable(caller: Caller, pkg: Package, primary: boolean): Caller {
  return { ...caller, ...descriptionOf(pkg), ...(primary ? { CARGO_PRIMARY_PACKAGE: '1' } : {}) };
}

/** Where only rustc can read it, rustc tells: a unit that reads nothing of the description is the same whatever that is. */
export function withoutDescription(environment: Environment, pkg: Package): void {
  for (const name of Object.keys(descriptionOf(pkg))) environment.delete(name);
}

function descriptionOf(pkg: Package): Readonly<Record<string, string>> {
  return {
    CARGO_PKG_DESCRIPTION: pkg.description,
    CARGO_PKG_HOMEPAGE: pkg.homepage,
    CARGO_PKG_REPOSITORY: pkg.repository,
    CARGO_PKG_LICENSE: pkg.license,
    CARGO_PKG_LICENSE_FILE: pkg.licenseFile,
    CARGO_PKG_AUTHORS: pkg.authors.join(':'),
    CARGO_PKG_RUST_VERSION: pkg.rustVersion,
    CARGO_PKG_README: pkg.readme,
  };
}

/** What cargo tells of a package to a program that runs outside of a sandbox. `cargo`: the real one. */
export function packageEnvironment(pkg: Package, cargo: string): Environment {
  const environment: Environment = new Map();
  const place: Place = { root: pkg.root, real: pkg.root, package: pkg.root, directory: pkg.root };
  addPackage(environment, { package: pkg, place, real: true, cargo });
  return environment;
}

function addPackage(
  environment: Environment,
  context: Pick<PackageContext, 'package' | 'place' | 'real' | 'cargo'>,
): void {
  const { package: pkg } = context;
  const version = parse(pkg.version);
  environment.set('CARGO', context.cargo);
  addDirectory(environment, context);
  environment.set('CARGO_PKG_VERSION_MAJOR', String(version.numbers[0] ?? 0));
  environment.set('CARGO_PKG_VERSION_MINOR', String(version.numbers[1] ?? 0));
  environment.set('CARGO_PKG_VERSION_PATCH', String(version.numbers[2] ?? 0));
  environment.set('CARGO_PKG_VERSION_PRE', version.pre);
  environment.set('CARGO_PKG_VERSION', pkg.version);
  environment.set('CARGO_PKG_NAME', pkg.name);
  for (const [name, value] of Object.entries(descriptionOf(pkg))) environment.set(name, value);
}

function addDirectory(environment: Environment, context: Pick<PackageContext, 'package' | 'place' | 'real'>): void {
  const { package: pkg, place, real } = context;
  const manifest = path.basename(pkg.manifestPath);
  environment.set('CARGO_MANIFEST_DIR', real ? pkg.root : place.package);
  environment.set('CARGO_MANIFEST_PATH', real ? pkg.manifestPath : path.join(place.package, manifest));
}

/**
 * `[env]` of the configuration: never over what cargo has set. A value below the workspace's root is told to a unit
 * that must not know the checkout as the place of that directory.
 */
function addConfigured(environment: Environment, context: PackageContext): void {
  for (const [name, { value, force }] of Object.entries(context.config.env)) {
    if (environment.has(name) || sandboxed.has(name)) continue;
    const chosen = force ? value : (context.caller[name] ?? value);
    environment.set(name, context.real ? chosen : withoutCheckout(chosen, context.workspaceRoot));
  }
}

function withoutCheckout(value: string, root: string): string {
  if (value !== root && !value.startsWith(`${root}/`)) return value;
  return workspacePlace + value.slice(root.length);
}

/** Values of each configuration key, in rustc's order; `feature` and `debug_assertions` by the unit. */
function cfgValues({ unit, cfgs }: RunContext): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>([['feature', [...unit.features]]]);
  if (unit.profile.debug_assertions) values.set('debug_assertions', []);
  for (const cfg of cfgs) {
    const match = /^([^=]+)="(.*)"$/.exec(cfg);
    if (match === null) {
      if (cfg !== 'debug_assertions' && cfg !== 'proc_macro') values.set(cfg, []);
      continue;
    }
    const [, key = '', value = ''] = match;
    const list = values.get(key) ?? [];
    list.push(value);
    values.set(key, list);
  }
  return values;
}

function envify(text: string): string {
  return text.toUpperCase().replaceAll('-', '_');
}

/** What cargo knows of one invocation. Produced by this room, read by all that come after it. */

/** A package id specification as cargo prints it: `registry+https://…#name@1.0.0`, `path+file:///…#name@0.1.0`. */
export type PackageId = string;

export interface Target {
  readonly kind: readonly string[];
  readonly crate_types: readonly string[];
  readonly name: string;
  readonly src_path: string;
  readonly edition: string;
  readonly doc: boolean;
  readonly doctest: boolean;
  readonly test: boolean;
  readonly 'required-features'?: readonly string[];
}

export interface Profile {
  readonly name: string;
  readonly opt_level: string;
  readonly lto: string;
  readonly codegen_backend: string | null;
  readonly codegen_units: number | null;
  readonly debuginfo: number | string | null;
  readonly split_debuginfo: string | null;
  readonly debug_assertions: boolean;
  readonly overflow_checks: boolean;
  readonly rpath: boolean;
  readonly incremental: boolean;
  readonly panic: string;
  readonly strip: unknown;
  readonly rustflags?: readonly string[];
  readonly 'trim-paths'?: unknown;
}

/** `check-test`: a check of the target's tests, which cargo prints as `check` (`tellCheckedTests`). */
export type UnitMode =
  | 'build'
  | 'check'
  | 'check-test'
  | 'test'
  | 'doc'
  | 'doctest'
  | 'run-custom-build'
  | (string & {});

export interface UnitDep {
  /** Index into `UnitGraph.units`. */
  readonly index: number;
  readonly extern_crate_name: string;
  readonly public: boolean;
  readonly noprelude: boolean;
}

/** One entry of cargo's unit graph, as `cargo build --unit-graph` prints it. */
export interface Unit {
  readonly pkg_id: PackageId;
  readonly target: Target;
  readonly profile: Profile;
  /** `null`: the host. */
  readonly platform: string | null;
  readonly mode: UnitMode;
  readonly features: readonly string[];
  readonly dependencies: readonly UnitDep[];
  readonly is_std?: boolean;
}

export interface UnitGraph {
  readonly version: number;
  readonly units: readonly Unit[];
  /** Indices of the units that were asked for. */
  readonly roots: readonly number[];
}

/** Where the files of a package come from, and how they are known to be the right ones. */
export type PackageSource =
  /** A registry package: the archive that `Cargo.lock`'s checksum names. */
  | { readonly kind: 'crate'; readonly archive: string; readonly sha256: string }
  /** A directory source (`cargo vendor`): verified by its `.cargo-checksum.json`. */
  | { readonly kind: 'vendored'; readonly sha256: string | null }
  /** A git checkout of cargo's. `checkout`: its top directory. */
  | { readonly kind: 'git'; readonly checkout: string; readonly revision: string }
  /** A path package; `member`: of this workspace. */
  | { readonly kind: 'path'; readonly member: boolean };

export type LintLevel = 'allow' | 'warn' | 'deny' | 'forbid';

/** A package that has at least one unit, with the workspace's inheritance already applied. */
export interface Package {
  readonly id: PackageId;
  readonly name: string;
  readonly version: string;
  /** Absolute directory of its `Cargo.toml`. */
  readonly root: string;
  readonly manifestPath: string;
  readonly source: PackageSource;
  /** What the configuration calls the registry that it comes from; null: nothing. */
  readonly registry: string | null;
  readonly authors: readonly string[];
  readonly description: string;
  readonly homepage: string;
  readonly repository: string;
  readonly license: string;
  readonly licenseFile: string;
  readonly readme: string;
  readonly rustVersion: string;
  readonly links: string | null;
  /** Declared features, implicit ones of optional dependencies included, sorted as cargo's summary sorts them. */
  readonly features: readonly string[];
  /** rustc's arguments from `[lints]`, in cargo's order. Registry packages have them too: cargo passes them, capped. */
  readonly lintFlags: readonly string[];
  /** Its targets' kinds: whether it has a library decides what happens to `-l` flags. */
  readonly targets: readonly Target[];
  /** `[package.metadata]`, as parsed. */
  readonly metadata: unknown;
}

/** Build-script output that the configuration declares (`target.<triple>.<links>`): the script is not run. */
export interface LinksOverride {
  /** The directives, one a line, in the `cargo::` form that a script would print. */
  readonly output: string;
}

/** The effective cargo configuration, as far as building reads it. Relative paths are already absolute. */
export interface Config {
  /** `[env]`: applied to rustc and build scripts unless the caller has set the name and `force` is off. */
  readonly env: Readonly<Record<string, { readonly value: string; readonly force: boolean }>>;
  /** Flags for rustc of a unit of this platform (`null`: host) by cargo's precedence. */
  rustflags(platform: string | null): readonly string[];
  /** Flags for rustdoc, likewise. */
  rustdocflags(platform: string | null): readonly string[];
  /** The rustdoc that `RUSTDOC` or `build.rustdoc` names; null: the toolchain's. */
  readonly rustdoc: string | null;
  linker(platform: string | null): string | null;
  runner(platform: string | null): readonly string[] | null;
  linksOverride(platform: string | null, links: string): LinksOverride | null;
  readonly rustcWrapper: string | null;
  readonly rustcWorkspaceWrapper: string | null;
  /** Any key, dotted, as merged (`term.verbose`, `build.jobs`, …); environment variables win, as in cargo. */
  get(key: string): unknown;
  /** Files read, and places where a file would be read if it were there. Any change makes the plan stale. */
  readonly files: readonly string[];
}

export interface Toolchain {
  /** The programs themselves, never rustup's proxies. */
  readonly cargo: string;
  readonly rustc: string;
  /** What cargo calls it where it prints commands: `rustc`, or a path. */
  readonly rustcName: string;
  readonly sysroot: string;
  /** `rustc -vV`, whole. */
  readonly verboseVersion: string;
  readonly release: string;
  readonly host: string;
  /** `rustc --print cfg [--target T] [rustflags]` per platform; `null` key as the empty string for the host. */
  cfgs(platform: string | null): readonly string[];
  /** File names of a crate type on a platform: prefix and suffix (`lib`, `.so`); null where it is not supported. */
  fileName(platform: string | null, crateType: string): { readonly prefix: string; readonly suffix: string } | null;
}

/** Options that drydock itself reads; all others go to cargo untouched. */
export interface Invocation {
  /** `build`, `check`, `run`, `test`, `bench`, or a command of drydock's own. */
  readonly verb: string;
  /** Arguments for cargo that stood before the verb (`-v`, `--config …`), `+toolchain` not included. */
  readonly globalArguments: readonly string[];
  /** Arguments for cargo that stood after the verb. */
  readonly cargoArguments: readonly string[];
  /** Started by cargo, as `cargo drydock`: `$CARGO` then names the cargo to use. */
  readonly cargoSubcommand: boolean;
  /** `+nightly` without the plus sign. */
  readonly toolchain: string | null;
  /** The caller's directory: programs are looked for from here. */
  readonly calledIn: string;
  /** Where cargo would work: the caller's directory, `-C` applied. */
  readonly cwd: string;
  /** Comma separated, lower case, in the order given; `human` where none is given. */
  readonly messageFormat: string;
  /** 0: normal, 1: `-v`, 2: `-vv`. */
  readonly verbosity: number;
  readonly quiet: boolean;
  readonly color: 'auto' | 'always' | 'never';
  readonly jobs: string | null;
  readonly keepGoing: boolean;
  readonly pure: boolean;
  readonly store: string | null;
  readonly engine: string | null;
}

/** Everything of one invocation. */
export interface Workspace {
  readonly invocation: Invocation;
  /** Absolute directory of the workspace's root manifest. */
  readonly root: string;
  readonly lockFile: string;
  readonly targetDir: string;
  readonly buildDir: string;
  /** Where results are put under their plain names, too (`--artifact-dir`, for nightly cargo only); null: nowhere. */
  readonly artifactDir: string | null;
  readonly cargoHome: string;
  /** Members that have a unit. */
  readonly members: ReadonlySet<PackageId>;
  /** Every manifest of a path package that cargo may have read: all members, path dependencies, patches. */
  readonly manifests: readonly string[];
  readonly graph: UnitGraph;
  readonly packages: ReadonlyMap<PackageId, Package>;
  readonly config: Config;
  readonly toolchain: Toolchain;
  /** Name of the profile that was asked for, and of the directory under `target/` that it goes to. */
  readonly profile: string;
  readonly profileDir: string;
  /** The caller's environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** The environment that cargo itself runs in: rustup's additions to the caller's. Programs that cargo runs get it. */
  readonly cargoEnvironment: Readonly<Record<string, string>>;
  /** How many members there are, and how many of them are meant where the command line names none. */
  readonly memberCounts: { readonly all: number; readonly default: number };
}

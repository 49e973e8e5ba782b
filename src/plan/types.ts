/** Units as derivations. */
import type { Package, Unit } from '../cargo/types.ts';
import type { Goal, SourceInput } from '../engine/types.ts';
import type { Brand } from '../nix/types.ts';
import type { Builders } from './builders.ts';
import type { Found } from './search-order.ts';
import type { Shell } from './shell.ts';
import type { Wrappers } from './wrappers.ts';
import type { SourceClosure, Sources, UnitRecord } from '../sources/types.ts';

/** Identity of a unit: 16 hex digits; never depends on sources. */
export type UnitId = Brand<string, 'UnitId'>;

export type Lane = Goal['lane'];

/** One file that a unit produces. */
export interface UnitFile {
  /** Name in the unit's output directory: `libfoo-<id>.rlib`. */
  readonly name: string;
  /** Name without the identity, as cargo uplifts it: `libfoo.rlib`; null: never uplifted. */
  readonly plainName: string | null;
  /** As cargo's `FileFlavor`. */
  readonly flavor: 'normal' | 'linkable' | 'rmeta' | 'debug-info' | 'auxiliary';
}

export interface PlannedUnit {
  readonly id: UnitId;
  /** Index in cargo's unit graph. */
  readonly index: number;
  readonly unit: Unit;
  readonly package: Package;
  readonly lane: Lane;
  readonly goal: Goal;
  /** A root of the graph: what the user asked for. */
  readonly root: boolean;
  /** The package is named on the command line or the default one (`CARGO_PRIMARY_PACKAGE`). */
  readonly primary: boolean;
  readonly files: readonly UnitFile[];
  /** Units that this one depends on, as in the graph. */
  readonly dependencies: readonly UnitId[];
  /** Paths of the sandbox -> the paths that the user knows; longest first. For diagnostics, dep-info, JSON. */
  readonly pathMap: readonly (readonly [sandbox: string, real: string])[];
  /** What it reads of its package. */
  readonly source: SourceClosure;
  /** The program, its arguments and its environment, but for what is added at run time; paths are the sandbox's. */
  readonly program: string;
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** What cargo calls the programs that do not lie in `target/`: rustc, and what is around it. */
  readonly programNames: readonly (readonly [sandbox: string, name: string])[];
  /** Working directory in the sandbox. */
  readonly directory: string;
  /** A run whose output the configuration declares: it is repeated, no script runs, and cargo says nothing of it. */
  readonly overridden: boolean;
  /** Variables of the caller that it is given, or would be if they were set. */
  readonly variables: readonly string[];
  /** The caller's shell has more of a Nix store than the unit is given. */
  readonly shellHasMore: boolean;
}

/** A library whose documentation is tested: by rustdoc, on the host, when all is built. Paths are real ones. */
export interface DocTest {
  readonly unit: Unit;
  readonly package: Package;
  readonly dependencies: readonly UnitId[];
  /** The arguments that depend on the plan, in cargo's order: dependencies, link-time optimisation, features. */
  readonly arguments: readonly string[];
}

export interface Plan {
  /** Dependencies before dependents. */
  readonly units: readonly PlannedUnit[];
  readonly byId: ReadonlyMap<UnitId, PlannedUnit>;
  /** In the order in which they run. */
  readonly docTests: readonly DocTest[];
}

/** The Rust toolchain as derivations name it. Made by `readToolchainInput`. */
export interface ToolchainInput {
  /** For code of a platform (`null`: host): its standard library is part of the toolchain's contents. */
  for(platform: string | null): ToolchainPaths;
}

export interface ToolchainPaths {
  /** The sysroot, as the sandbox shows it. */
  readonly path: string;
  /** Directories of its programs, as `PATH` has them. */
  readonly bin: readonly string[];
  /** The toolchain itself, and cargo where it does not belong to it. */
  readonly inputs: readonly SourceInput[];
  /** Absolute paths in the sandbox. */
  readonly cargo: string;
  readonly rustc: string;
  readonly rustdoc: string;
  /** rustc is a program that calls the toolchain's own. */
  readonly callsRustc: boolean;
  /** That program is the host's. */
  readonly usesHost: boolean;
}

/** Programs beside the toolchain that building calls. Made by `readTools`. */
export interface Tools {
  /** Identity of the compiler, linker and C library that the host's own directories hold; empty: there are none. */
  readonly identity: string;
  /** What lies in the machine's Nix store. */
  readonly inputs: readonly SourceInput[];
  /** Those of them that `PATH` leads to. */
  readonly found: readonly Found[];
  /** Where `PATH` finds them and the host's. */
  readonly directories: readonly string[];
}

export interface PlanOptions {
  readonly sources: Sources;
  record(id: UnitId): UnitRecord;
  /** Who may grant the mounts of the dev lane; `grants`: in which directory, for a Nix daemon's hook. */
  readonly owner: { readonly uid: number; readonly scope: string; readonly grants?: string };
  readonly toolchain: ToolchainInput;
  /** Programs around rustc, as `readWrappers` finds them. */
  readonly wrappers: Wrappers;
  readonly tools: Tools;
  readonly builders: Builders;
  /** What else of the caller's shell lies in a Nix store. */
  readonly shell: Shell;
}

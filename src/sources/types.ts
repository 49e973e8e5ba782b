/** Which files a unit reads, and the store path that holds exactly these. */
import type { Package } from '../cargo/types.ts';
import type { SourceInput } from '../engine/types.ts';
import type { StorePath } from '../nix/types.ts';

/** What earlier builds taught about one unit. Kept per unit and checkout; empty when nothing is known. */
export interface UnitRecord {
  /** What the scan does not find but the unit needs, relative to the tree's root; `directory/*`: what may be linked. */
  readonly files: readonly string[];
  /** The whole package is the input: something in it was needed that could not be named. */
  readonly wholePackage: boolean;
  /** Variables of the caller that the unit reads (`# env-dep`, `rerun-if-env-changed`). */
  readonly env: readonly string[];
  /** Build-script runs: the inputs that its output names, relative to the tree's root; null: not narrowed. */
  readonly rerun: readonly string[] | null;
  /** The caller's whole shell is the input, as far as it lies in a Nix store: without it the unit has failed. */
  readonly shell: boolean;
}

export interface SourceRequest {
  readonly package: Package;
  /** `compile`: the closure of `entry`. `run`: what a build script may read. */
  readonly purpose: 'compile' | 'run';
  /** The crate root of a compilation, absolute. */
  readonly entry: string;
  /** A procedural macro that may read files at compile time is among the dependencies. */
  readonly macroReadsFiles: boolean;
  readonly record: UnitRecord;
}

export interface SourceClosure {
  readonly path: StorePath;
  readonly input: SourceInput;
  /** `archive`: a `.crate` to unpack; `tree`: a directory whose root stands for `root`. */
  readonly form: 'archive' | 'tree';
  /** The host directory that the tree's root stands for (workspace root, package root, git checkout, unpacked package). */
  readonly root: string;
  /** Variables that the text names in `env!` or `option_env!`; to be passed where the caller has set them. */
  readonly env: readonly string[];
  /** Programs that a path package's build script starts by name. */
  readonly programs: readonly string[];
  /** A path package's build script names `git` in its text. */
  readonly repository: boolean;
}

/** Synchronous on purpose: planning is one pass; contents are read only where a stat changed. */
export interface Sources {
  closure(request: SourceRequest): SourceClosure;
  /** Whether the text of a package mentions the file system (for procedural macros and their dependencies). */
  mentionsFileSystem(pkg: Package): boolean;
  /** Every file whose stat the last closures rest on, for the cache of plans. */
  watched(): readonly string[];
  /** Writes what was learned about files (hashes by stat) for the next process. */
  save(): void;
}

/** The export of a plan as Nix expressions. */
import type { Workspace } from '../cargo/types.ts';
import type { Plan, PlannedUnit } from '../plan/types.ts';
import type { Copy } from './copies.ts';

export interface ExportRequest {
  /** The workspace as it was read for `pure`. */
  readonly workspace: Workspace;
  /** What the expressions say by themselves. */
  readonly pure: Plan;
  /** What they say under `drydock mount`: the same units, with their mounts and the real directories. */
  readonly dev: Plan;
  /** Absolute directory that the files are for. */
  readonly out: string;
}

/** One unit in both lanes. */
export interface UnitPair {
  readonly pure: PlannedUnit;
  readonly dev: PlannedUnit;
  /** Name of its file, without `.nix`. */
  readonly name: string;
  /** Its attribute: the name without the version, whose dots Nix's tools do not look behind. */
  readonly attribute: string;
}

export interface Exported {
  /** Relative to the directory -> contents. */
  readonly files: ReadonlyMap<string, string | Copy>;
  /** What the one who exports should know, a sentence each. */
  readonly notes: readonly string[];
}

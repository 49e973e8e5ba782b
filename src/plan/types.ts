/** Units as derivations. */
import type { Package, Unit } from '../cargo/types.ts';
import type { Goal } from '../engine/types.ts';
import type { Brand } from '../nix/types.ts';
import type { SourceClosure } from '../sources/types.ts';

/** Identity of a unit: 16 hex digits; never depends on sources. */
export type UnitId = Brand<string, 'UnitId'>;

export type Lane = 'pure' | 'dev';

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
  /** The unit's sources, and the host directory that the tree's root stands for. */
  readonly source: SourceClosure;
  /** The whole static environment that the unit's process gets, by name. */
  readonly environment: Readonly<Record<string, string>>;
  /** Units that this one depends on, as in the graph. */
  readonly dependencies: readonly UnitId[];
  /** Paths of the sandbox -> the paths that the user knows; longest first. For diagnostics, dep-info, JSON. */
  readonly pathMap: readonly (readonly [sandbox: string, real: string])[];
}

export interface Plan {
  readonly units: readonly PlannedUnit[];
  readonly byId: ReadonlyMap<UnitId, PlannedUnit>;
}

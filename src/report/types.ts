/** What the report takes and needs to know. */
import type { EngineEvent, GoalKey } from '../engine/types.ts';
import type { Plan, PlannedUnit, UnitId } from '../plan/types.ts';
import type { OutputPlace } from '../target/path-map.ts';
import type { Places } from '../target/places.ts';
import type { LaidOut } from '../target/types.ts';
import type { Stale } from './stale.ts';

/** Asked anew for every event: a unit may be planned again while it is built. */
export interface Lookup {
  plan(): Plan;
  unit(key: GoalKey): PlannedUnit | undefined;
  readonly places: Places;
  readonly outputs: OutputPlace;
  /** For the note on future incompatibilities. */
  readonly buildDir: string;
  /** Name of the profile that was asked for. */
  readonly profile: string;
  readonly clippy?: boolean;
  /** Why a unit is built again, for `Dirty` lines. */
  stale?(unit: PlannedUnit): Stale | null;
}

export interface Report {
  /** Before everything else: warnings that the plan itself gives cause to. `stale`: the units that have to be built. */
  begin(stale: ReadonlySet<UnitId>): void;
  /** Everything that an engine tells. Call `artifact` for a built unit before passing on its `ended`. */
  on(event: EngineEvent): void;
  /**
   * A unit that need not be built. `lines`: its log, for what has to be shown again; see `wantsLog`. `renewed`: `target/`
   * held another result of it, or none.
   */
  fresh(unit: PlannedUnit, lines: readonly string[], renewed?: boolean): void;
  /** Whether `fresh` can make use of the unit's log at all. */
  wantsLog(unit: PlannedUnit): boolean;
  /** The unit's results are in place. */
  artifact(unit: PlannedUnit, laidOut: LaidOut, fresh: boolean): void;
  /** After everything. `success`: all that was asked for is built. */
  finish(success: boolean): void;
  /** `    Blocking waiting for file lock on build directory`. */
  blocking(what: string, file: string): void;
  /** Redraws the progress bar; it does so by itself while events come. */
  tick(): void;
}

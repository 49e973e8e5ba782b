/** `target/` as cargo lays it out. */
import type { Plan, PlannedUnit } from '../plan/types.ts';
import type { OutputPlace } from './path-map.ts';
import type { Places } from './places.ts';

/** Where the results of one unit are, in the words of cargo's messages. */
export interface LaidOut {
  /** `filenames` of the artifact message: the plain name where a file is uplifted, else the one in `deps`. */
  readonly filenames: readonly string[];
  readonly executable: string | null;
  /** The directory of its files: `deps`, `examples`, `build/<package>-<identity>`. */
  readonly directory: string;
  /** Whether anything had to be placed. */
  readonly changed: boolean;
  /** Whether `target/` held another result of the unit, or none that is whole (copies under plain names do not count). */
  readonly renewed: boolean;
}

export type LaidOutNames = Pick<LaidOut, 'filenames' | 'executable' | 'directory'>;

export interface Target {
  readonly places: Places;
  /** What `mapPaths` needs to show a store path by its place here. */
  readonly outputs: OutputPlace;
  /**
   * Called for every unit whose output is valid, finished or fresh. `outDir`: where the output lies on the host.
   * Places what is not right already; takes time only where it copies. Rejects with the system error (a full disk, a
   * read-only directory).
   */
  layOut(unit: PlannedUnit, outDir: string): Promise<LaidOut>;
  /** Whether `layOut` would find everything in place. */
  shows(unit: PlannedUnit): boolean;
  /** The same names without touching anything: all files that are planned. */
  locate(unit: PlannedUnit): LaidOut;
  /** From now on `outputs` knows the unit's store path. `layOut` does it too; lines of a running unit may need it. */
  know(unit: PlannedUnit): void;
  /** After the last unit: cargo's dep-info files beside the uplifted outputs, and the record of what was placed. */
  finish(plan: Plan): void;
  /** Every file and directory whose stat says that nothing has to be placed, for a build with nothing to do. */
  placed(plan: Plan): readonly string[];
  /** Gives the locks back. */
  close(): void;
}

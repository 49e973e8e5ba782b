/** What `drydock plan` prints. */
import type { DrvPath, StorePath } from '../nix/types.ts';
import type { Lane, Plan, UnitId } from './types.ts';

export interface PlanRow {
  readonly id: UnitId;
  readonly package: string;
  readonly target: string;
  readonly kind: readonly string[];
  readonly mode: string;
  readonly lane: Lane;
  readonly drvPath: DrvPath;
  readonly outPath: StorePath;
}

/** One row per unit, dependencies first. */
export function describePlan(plan: Plan): readonly PlanRow[] {
  return plan.units.map(({ id, unit, lane, goal }) => ({
    id,
    package: unit.pkg_id,
    target: unit.target.name,
    kind: unit.target.kind,
    mode: unit.mode,
    lane,
    drvPath: goal.sealed.drvPath,
    outPath: goal.sealed.outPath,
  }));
}

/** Units -> derivations. The only room that speaks both Cargo and Nix. */
import type { Workspace } from '../cargo/types.ts';
import { planCompile } from './compile.ts';
import { docTests } from './doc-tests.ts';
import { factsOf } from './facts.ts';
import { planRun } from './run.ts';
import { isRun } from './target.ts';
import type { Plan, PlannedUnit, PlanOptions, UnitId } from './types.ts';
import type { Made } from './unit.ts';
import { weights } from './weights.ts';

/**
 * One derivation per unit of the workspace's graph. Pure but for reading sources through `options.sources`: equal
 * inputs give equal derivations on every machine. Throws `UserError` D0702, D0704 for what is not supported.
 */
export function planUnits(workspace: Workspace, options: PlanOptions): Plan {
  const facts = factsOf(workspace);
  const planned: PlannedUnit[] = [];
  const made: Made = {
    unit: (index) => {
      const unit = planned[index];
      if (unit === undefined) throw new Error(`unit ${index} is planned after a dependent`);
      return unit;
    },
    idOf: (index) => facts.ids[index] as UnitId,
    isOwnRun: (index, other) => isRun(facts.unit(other)) && facts.unit(other).pkg_id === facts.unit(index).pkg_id,
  };
  // What tests documentation is no derivation: it runs when all is built.
  const order = facts.order.filter((index) => facts.unit(index).mode !== 'doctest');
  for (const index of order) {
    const plan = isRun(facts.unit(index)) ? planRun : planCompile;
    planned[index] = plan(facts, options, index, made);
  }
  const weight = weights(order.map((index) => made.unit(index)));
  const units = order.map((index) => {
    const unit = made.unit(index);
    return { ...unit, goal: { ...unit.goal, weight: weight.get(unit.id) ?? 0, root: unit.root } };
  });
  return { units, byId: new Map(units.map((unit) => [unit.id, unit])), docTests: docTests(facts) };
}

/** Brings what the engine says to `target/` and to the report, in the order that the report needs. */
import type { Engine, EngineEvent } from '../engine/types.ts';
import type { Session } from '../learn/session.ts';
import type { PlannedUnit, UnitId } from '../plan/types.ts';
import type { Report } from '../report/types.ts';
import type { RootsRequest } from '../store/types.ts';
import type { Target } from '../target/types.ts';

export class Delivery {
  /** Whether anything was built. */
  built = false;
  readonly #session: Session;
  readonly #engine: Engine;
  readonly #target: Target;
  readonly #report: Report;
  readonly #delivered = new Set<UnitId>();

  constructor(session: Session, engine: Engine, target: Target, report: Report) {
    this.#session = session;
    this.#engine = engine;
    this.#target = target;
    this.#report = report;
  }

  /** Everything whose output is valid before the build starts. */
  async deliverValid(): Promise<void> {
    const { units } = this.#session.plan;
    const valid = await this.#engine.valid(units.map((unit) => unit.goal.sealed.outPath));
    for (const unit of units) if (valid.has(unit.goal.sealed.outPath)) await this.#deliverFresh(unit);
  }

  readonly on = (event: EngineEvent): void => {
    const unit = this.#session.plan.byId.get(event.key as UnitId);
    if (unit !== undefined && event.type === 'started') this.#target.know(unit);
    if (unit !== undefined && event.type === 'ended' && event.outcome.status === 'built') {
      this.built = true;
      const laidOut = this.#target.layOut(unit, this.#engine.hostPath(unit.goal.sealed.outPath));
      this.#delivered.add(unit.id);
      this.#report.artifact(unit, laidOut, false);
    }
    if (unit !== undefined && event.type === 'ended' && event.outcome.status === 'valid') {
      void this.#deliverFresh(unit);
      return;
    }
    this.#report.on(event);
  };

  /** What `target/` shows now, for the roots of the store. */
  outputs(): RootsRequest['units'] {
    const outputs = new Map<string, { path: PlannedUnit['goal']['sealed']['outPath']; lane: PlannedUnit['lane'] }>();
    for (const unit of this.#session.plan.units) {
      if (this.#delivered.has(unit.id)) outputs.set(unit.id, { path: unit.goal.sealed.outPath, lane: unit.lane });
    }
    return outputs;
  }

  async #deliverFresh(unit: PlannedUnit): Promise<void> {
    if (this.#delivered.has(unit.id)) return;
    this.#delivered.add(unit.id);
    const { drvPath, outPath } = unit.goal.sealed;
    const laidOut = this.#target.layOut(unit, this.#engine.hostPath(outPath));
    const lines = this.#report.wantsLog(unit) ? await this.#engine.log(drvPath) : null;
    this.#report.fresh(unit, lines ?? []);
    this.#report.artifact(unit, laidOut, true);
  }
}

/** Brings what the engine says to `target/` and to the report, in the order that the report needs. */
import type { Engine, EngineEvent } from '../engine/types.ts';
import type { Session } from '../learn/session.ts';
import type { StorePath } from '../nix/types.ts';
import type { PlannedUnit, UnitId } from '../plan/types.ts';
import type { History } from '../report/history.ts';
import { inCargoOrder } from '../report/order.ts';
import { withoutMounts } from '../report/refused.ts';
import type { Report } from '../report/types.ts';
import type { RootsRequest } from '../store/types.ts';
import type { Target } from '../target/types.ts';

export interface Destinations {
  readonly session: Session;
  readonly engine: Engine;
  readonly target: Target;
  readonly report: Report;
  readonly history: History;
}

export class Delivery {
  /** Whether anything was built. */
  built = false;
  readonly #to: Destinations;
  /** A unit that is planned anew may turn out to be valid once more, elsewhere. */
  readonly #delivered = new Map<UnitId, StorePath>();
  /** What is still being delivered of units that ended: large executables are copied, logs are read. */
  readonly #pending: Promise<void>[] = [];
  readonly #failed = new AbortController();

  constructor(to: Destinations) {
    this.#to = to;
  }

  /** Aborted when something could not be delivered: no use in building on. `settled` then says why. */
  get failed(): AbortSignal {
    return this.#failed.signal;
  }

  /** Everything whose output is valid before the build starts; answers these outputs. */
  async deliverValid(): Promise<ReadonlySet<StorePath>> {
    const { session, engine, report } = this.#to;
    const { units } = session.plan;
    const valid = await engine.valid(units.map((unit) => unit.goal.sealed.outPath));
    report.begin(new Set(units.filter((unit) => !valid.has(unit.goal.sealed.outPath)).map((unit) => unit.id)));
    for (const unit of inCargoOrder(units)) {
      if (valid.has(unit.goal.sealed.outPath)) await this.#deliverFresh(unit);
    }
    return valid;
  }

  readonly on = (event: EngineEvent): void => {
    const { session, target, report, history } = this.#to;
    const unit = session.plan.byId.get(event.key as UnitId);
    if (unit !== undefined && event.type === 'started') target.know(unit);
    if (unit !== undefined && event.type === 'mounts-refused') {
      history.refused(unit, withoutMounts(event.what, event.reason));
    }
    if (unit !== undefined && event.type === 'ended') {
      if (event.outcome.status === 'valid') {
        this.#await(this.#deliverFresh(unit));
        return;
      }
      if (event.outcome.status === 'built') {
        this.#await(this.#deliverBuilt(unit, event));
        return;
      }
    }
    report.on(event);
  };

  /** After the last event: when nothing is under way any more. Rejects where something could not be delivered. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#pending);
    await Promise.all(this.#pending);
  }

  /** What `target/` shows now, for the roots of the store. */
  outputs(): RootsRequest['units'] {
    const { units } = this.#to.session.plan;
    const shown = units.filter((unit) => this.#delivered.has(unit.id));
    return new Map(shown.map((unit) => [unit.id, { path: unit.goal.sealed.outPath, lane: unit.lane }]));
  }

  #await(delivered: Promise<void>): void {
    this.#pending.push(delivered);
    delivered.catch(() => this.#failed.abort());
  }

  async #deliverBuilt(unit: PlannedUnit, event: EngineEvent): Promise<void> {
    this.built = true;
    const { outPath } = unit.goal.sealed;
    this.#delivered.set(unit.id, outPath);
    const { engine, target, report, history } = this.#to;
    // Units that need it may be told of before its files are copied.
    history.built(unit);
    report.artifact(unit, await target.layOut(unit, engine.hostPath(outPath)), false);
    report.on(event);
  }

  async #deliverFresh(unit: PlannedUnit): Promise<void> {
    const { drvPath, outPath } = unit.goal.sealed;
    if (this.#delivered.get(unit.id) === outPath) return;
    this.#delivered.set(unit.id, outPath);
    const { engine, target, report, history } = this.#to;
    if (unit.goal.own.length > 0 && !target.shows(unit)) await engine.renew(outPath);
    const laidOut = await target.layOut(unit, engine.hostPath(outPath));
    if (laidOut.changed) history.putBack(unit);
    const lines = report.wantsLog(unit) ? await engine.log(drvPath) : null;
    report.fresh(unit, lines ?? [], laidOut.renewed);
    report.artifact(unit, laidOut, true);
  }
}

/** Why units are built again, over builds: what each was built from is kept, and what the last build did. */
import type { GoalKey } from '../engine/types.ts';
import type { Plan, PlannedUnit, UnitId } from '../plan/types.ts';
import { inputsOf, readAllInputs, readInputs, type UnitInputs, writeInputs } from '../target/inputs.ts';
import type { Places } from '../target/places.ts';
import { describeUnit } from './names.ts';
import type { Stale } from './stale.ts';
import { staleness } from './staleness.ts';

/** A unit that the last build built. */
export interface Rebuilt {
  readonly unit: UnitId;
  /** `` `foo` (lib) ``. */
  readonly name: string;
  readonly package: string;
  readonly reason: Stale;
  /** What it had to do without, and why. */
  readonly without?: string | undefined;
}

/** What is kept with a unit's inputs: the last build that built it (milliseconds since the epoch), and where in it. */
interface Note extends Rebuilt {
  readonly build: number;
  readonly position: number;
}

export class History {
  readonly #places: Places;
  readonly #root: string;
  readonly #plan: () => Plan;
  readonly #build = Date.now();
  readonly #reasons = new Map<GoalKey, Stale | null>();
  readonly #rebuilt = new Set<UnitId>();
  readonly #without = new Map<UnitId, string>();

  /** `plan`: asked anew each time, for units may be planned again while they are built. */
  constructor(places: Places, workspaceRoot: string, plan: () => Plan) {
    this.#places = places;
    this.#root = workspaceRoot;
    this.#plan = plan;
  }

  /** Why the unit is built; null if what it was built from last is what it would be built from now. */
  stale(unit: PlannedUnit): Stale | null {
    const known = this.#reasons.get(unit.id);
    if (known !== undefined) return known;
    const before = readInputs(this.#places, unit)?.inputs ?? null;
    const plan = this.#plan();
    const reason = staleness(before, inputsOf(plan, unit, before), unit, plan, this.#root, (dependency) =>
      this.#builtLast(plan, dependency),
    );
    this.#reasons.set(unit.id, reason);
    return reason;
  }

  /** Before `built`, if it was built without something that it had asked for. */
  refused(unit: PlannedUnit, without: string): void {
    this.#without.set(unit.id, without);
  }

  /** After the unit was built. Throws the system error. */
  built(unit: PlannedUnit): void {
    const lost: Stale = { why: 'output-missing', path: unit.goal.sealed.outPath };
    const { target, mode } = unit.unit;
    const name = describeUnit(unit.package.name, target, mode === 'run-custom-build' ? 'build' : mode);
    const reason = this.stale(unit) ?? lost;
    const position = this.#rebuilt.size;
    this.#rebuilt.add(unit.id);
    const note = { unit: unit.id, name, package: unit.package.name, reason, without: this.#without.get(unit.id) };
    this.#keep(unit, { ...note, build: this.#build, position });
  }

  /** After a result that was there already was put into `target/`. Throws the system error. */
  putBack(unit: PlannedUnit): void {
    this.#keep(unit, null);
  }

  #keep(unit: PlannedUnit, note: Note | null): void {
    const before = readInputs<Note>(this.#places, unit);
    const inputs = inputsOf(this.#plan(), unit, before?.inputs ?? null);
    writeInputs<Note>(this.#places, unit, { inputs, note: note ?? before?.note ?? null });
  }

  #builtLast(plan: Plan, id: UnitId): UnitInputs | null {
    const unit = plan.byId.get(id);
    if (unit === undefined || this.#rebuilt.has(id)) return null;
    return readInputs(this.#places, unit)?.inputs ?? null;
  }
}

/** What the last build that built anything has built, and why; null: nothing was built here for these platforms. */
export function readLastBuild(places: Places, platforms: Iterable<string | null>): readonly Rebuilt[] | null {
  const notes = readAllInputs<Note>(places, platforms).flatMap(({ note }) => note ?? []);
  const last = notes.reduce((newest, { build }) => Math.max(newest, build), 0);
  const rebuilt = notes.filter(({ build }) => build === last).sort((a, b) => a.position - b.position);
  return rebuilt.length === 0 ? null : rebuilt;
}

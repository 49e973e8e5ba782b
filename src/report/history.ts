/** Why units are built again, over builds: what each was built from is kept, and what the last build did. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { GoalKey } from '../engine/types.ts';
import type { Plan, PlannedUnit, UnitId } from '../plan/types.ts';
import { replaceFile } from '../sys/durable.ts';
import { inputsOf, readInputs, writeInputs } from '../target/inputs.ts';
import type { Places } from '../target/places.ts';
import { describeUnit } from './names.ts';
import type { Stale } from './stale.ts';
import { staleness } from './staleness.ts';

const version = 1;

/** A unit that the last build built. */
export interface Rebuilt {
  readonly unit: UnitId;
  /** `` `foo` (lib) ``. */
  readonly name: string;
  readonly package: string;
  readonly reason: Stale;
}

export class History {
  readonly #places: Places;
  readonly #root: string;
  readonly #plan: () => Plan;
  readonly #reasons = new Map<GoalKey, Stale | null>();
  readonly #rebuilt: Rebuilt[] = [];

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
    const before = readInputs(this.#places, unit.id);
    const plan = this.#plan();
    const reason = staleness(before, inputsOf(plan, unit, before), unit, plan, this.#root, (dependency) =>
      this.#rebuilt.some((built) => built.unit === dependency) ? null : readInputs(this.#places, dependency),
    );
    this.#reasons.set(unit.id, reason);
    return reason;
  }

  /** After the unit was built. Throws the system error. */
  built(unit: PlannedUnit): void {
    const lost: Stale = { why: 'output-missing', path: unit.goal.sealed.outPath };
    const { target, mode } = unit.unit;
    const name = describeUnit(unit.package.name, target, mode === 'run-custom-build' ? 'build' : mode);
    const reason = this.stale(unit) ?? lost;
    this.#rebuilt.push({ unit: unit.id, name, package: unit.package.name, reason });
    writeInputs(this.#places, unit.id, inputsOf(this.#plan(), unit, readInputs(this.#places, unit.id)));
  }

  /** After a build in which something was built: what `explain` will tell. */
  save(): void {
    if (this.#rebuilt.length === 0) return;
    const file = lastBuildFile(this.#places);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    replaceFile(file, JSON.stringify({ version, rebuilt: this.#rebuilt }));
  }
}

/** What the last build that built anything has built, and why; null: no record. */
export function readLastBuild(places: Places): readonly Rebuilt[] | null {
  try {
    const saved = JSON.parse(fs.readFileSync(lastBuildFile(places), 'utf8')) as {
      version: number;
      rebuilt: readonly Rebuilt[];
    };
    return saved.version === version ? saved.rebuilt : null;
  } catch {
    return null;
  }
}

function lastBuildFile(places: Places): string {
  return path.join(places.intermediates(null), '.drydock', 'last-build.json');
}

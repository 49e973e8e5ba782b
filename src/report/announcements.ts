/** `Compiling`, `Checking`, `Fresh`, `Dirty`: one line for each package, when its first unit starts or its last is fresh. */
import { describePackage } from '../cargo/describe.ts';
import { isCheck } from '../plan/target.ts';
import type { PlannedUnit, UnitId } from '../plan/types.ts';
import type { Shell } from './shell.ts';
import { dirtyText } from './stale.ts';
import type { Lookup } from './types.ts';

export class Announcements {
  readonly #shell: Shell;
  readonly #lookup: Lookup;
  /** Units of each package that have not come up yet. */
  readonly #waiting = new Map<string, Set<UnitId>>();
  readonly #named = new Set<string>();

  constructor(shell: Shell, lookup: Lookup) {
    this.#shell = shell;
    this.#lookup = lookup;
    for (const unit of lookup.plan().units) {
      const units = this.#waiting.get(unit.package.id);
      if (units === undefined) this.#waiting.set(unit.package.id, new Set([unit.id]));
      else units.add(unit.id);
    }
  }

  started(unit: PlannedUnit): void {
    this.#waiting.get(unit.package.id)?.delete(unit.id);
    const { mode } = unit.unit;
    const name = mode === 'doc' ? `doc ${unit.package.id}` : unit.package.id;
    if (this.#named.has(name)) return;
    this.#named.add(name);
    const description = describePackage(unit.package);
    if (this.#shell.verbosity > 0) {
      const stale = this.#lookup.stale?.(unit) ?? null;
      const reason = stale === null ? null : dirtyText(stale);
      if (reason !== null) this.#shell.status('Dirty', `${description}: ${reason}`);
    }
    const verb = mode === 'doc' ? 'Documenting' : isCheck(unit.unit) ? 'Checking' : 'Compiling';
    this.#shell.status(verb, description);
  }

  fresh(unit: PlannedUnit): void {
    const waiting = this.#waiting.get(unit.package.id);
    waiting?.delete(unit.id);
    if (waiting?.size !== 0 || this.#named.has(unit.package.id)) return;
    this.#named.add(unit.package.id);
    if (this.#shell.verbosity > 0) this.#shell.status('Fresh', describePackage(unit.package));
  }
}

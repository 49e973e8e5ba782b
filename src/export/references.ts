/** Store paths in a derivation's texts -> the expressions that give them, so that Nix finds the inputs by itself. */
import { isRun } from '../plan/target.ts';
import type { Plan, PlannedUnit } from '../plan/types.ts';
import type { StorePath } from '../nix/types.ts';
import { attribute, type Piece } from './text.ts';

/** Expressions of what all units share, by store path. */
export type Shared = ReadonlyMap<StorePath, string>;

const storePath = /\/nix\/store\/[0-9a-df-np-sv-z]{32}-[0-9a-zA-Z+\-._?=]+/g;

/** The expressions of one plan's outputs. */
export function outputExpressions(plan: Plan, nameOf: ReadonlyMap<string, string>): Shared {
  return new Map(plan.units.map(({ id, goal }) => [goal.sealed.outPath, `units.${attribute(nameOf.get(id) ?? id)}`]));
}

/** Expressions of the sources that runs of other packages' scripts are shown as well. */
export function sourceExpressions(plan: Plan, nameOf: ReadonlyMap<string, string>): Shared {
  const runs = plan.units.filter(({ unit, package: pkg }) => isRun(unit) && pkg.links !== null);
  return new Map(runs.map(({ id, source }) => [source.path, `units.${attribute(nameOf.get(id) ?? id)}.source`]));
}

/** Reads the texts of one unit. */
export class References {
  readonly #known: readonly Shared[];
  /** Inputs that no text has named so far. The unit's own sources are named by `source`. */
  readonly #silent: Map<StorePath, string>;
  readonly #inputs: ReadonlySet<string>;
  /** Directories of this machine that the texts may hold, longest first, and their expressions. */
  readonly #places: readonly (readonly [directory: string, expression: string])[];

  constructor(
    unit: PlannedUnit,
    known: readonly Shared[],
    outPaths: ReadonlyMap<string, StorePath>,
    places: readonly (readonly [directory: string, expression: string])[],
  ) {
    const { derivation } = unit.goal.sealed;
    const built = Object.keys(derivation.inputDrvs).map((drvPath) => outPaths.get(drvPath) as StorePath);
    this.#known = known;
    this.#places = places;
    this.#silent = new Map();
    for (const input of [...derivation.inputSrcs, ...built]) {
      if (input === unit.source.path) continue;
      const expression = this.#expression(input);
      if (expression === null) throw new Error(`no expression gives ${input}, an input of ${unit.id}`);
      this.#silent.set(input, expression);
    }
    this.#inputs = new Set(this.#silent.keys());
  }

  /** A text of the derivation, its store paths as expressions. A path that is no input of it must not become one. */
  pieces(text: string): readonly Piece[] {
    const pieces: Piece[] = [];
    let done = 0;
    for (const found of text.matchAll(storePath)) {
      const [full] = found;
      const expression = this.#expression(full);
      if (expression === null) continue;
      pieces.push(...this.#local(text.slice(done, found.index)));
      const isInput = this.#inputs.has(full);
      pieces.push({ expression: isInput ? expression : `drydock.nameOf ${expression}` });
      this.#silent.delete(full as StorePath);
      done = found.index + full.length;
    }
    pieces.push(...this.#local(text.slice(done)));
    return pieces;
  }

  /** Expressions of the inputs that `pieces` has not met. */
  silent(): readonly string[] {
    return [...this.#silent.values()];
  }

  #expression(text: string): string | null {
    for (const known of this.#known) {
      const expression = known.get(text as StorePath);
      if (expression !== undefined) return expression;
    }
    return null;
  }

  #local(text: string): Piece[] {
    if (text === '') return [];
    for (const [directory, expression] of this.#places) {
      for (let at = text.indexOf(directory); at !== -1; at = text.indexOf(directory, at + 1)) {
        const end = at + directory.length;
        const whole = end === text.length || text[end] === '/' || text[end] === ':';
        if (!whole || /[A-Za-z0-9_.-]$/.test(text.slice(0, at))) continue;
        return [...this.#local(text.slice(0, at)), { expression }, ...this.#local(text.slice(end))];
      }
    }
    return [text];
  }
}

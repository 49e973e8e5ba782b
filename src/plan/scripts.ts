/** Which build scripts' outputs take part in which unit, and in which order (`custom_build.rs`, build_map). */
import type { Package, Unit, UnitGraph } from '../cargo/types.ts';
import { unitAt } from './identity.ts';
import { isForHost, isLinkable, isRun } from './target.ts';
import { comparePackages } from './versions.ts';

export interface Scripts {
  /** Runs whose linker flags count, in cargo's order. */
  readonly link: readonly number[];
  /** Runs behind direct host-only dependencies: rustc or the script may load libraries that they built. */
  readonly load: readonly number[];
}

/** Indices of runs for each unit of the graph; `packageOf` gives a unit's package. */
export function scriptsOf(graph: UnitGraph, packageOf: (unit: Unit) => Package): readonly Scripts[] {
  const known = new Map<number, Scripts>();

  const build = (index: number): Scripts => {
    const done = known.get(index);
    if (done !== undefined) return done;
    const unit = unitAt(graph.units, index);
    const link = new Set<number>();
    const load = new Set<number>();
    const forScript = unit.target.kind[0] === 'custom-build';
    if (!forScript) for (const run of ownRuns(graph, unit)) link.add(run);

    const dependencies = unit.dependencies
      .map(({ index: next }) => ({ next, unit: unitAt(graph.units, next) }))
      .map((entry) => ({ ...entry, package: packageOf(entry.unit) }))
      .sort((a, b) => comparePackages(a.package, b.package));
    for (const dependency of dependencies) {
      const theirs = build(dependency.next).link;
      if (isForHost(dependency.unit.target)) for (const run of theirs) load.add(run);
      else if (isLinkable(dependency.unit.target)) for (const run of theirs) link.add(run);
    }
    const byPackage = (a: number, b: number): number =>
      comparePackages(packageOf(unitAt(graph.units, a)), packageOf(unitAt(graph.units, b))) || a - b;
    const scripts = { link: [...link], load: [...load].sort(byPackage) };
    known.set(index, scripts);
    return scripts;
  };
  return graph.units.map((_, index) => build(index));
}

/** The runs of a compilation's own package that it depends on. */
export function ownRuns(graph: UnitGraph, unit: Unit): readonly number[] {
  return unit.dependencies
    .map(({ index }) => index)
    .filter((index) => {
      const dependency = unitAt(graph.units, index);
      return isRun(dependency) && dependency.pkg_id === unit.pkg_id;
    });
}

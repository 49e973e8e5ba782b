/** What the unit graph alone decides, computed once per workspace: planning again after a lesson starts from here. */
import type { Package, Unit, UnitGraph, Workspace } from '../cargo/types.ts';
import { UserError } from '../sys/errors.ts';
import { reachedLibraries } from './externs.ts';
import { unitFiles } from './files.ts';
import { unitAt, unitIds } from './identity.ts';
import { computeLto, type Lto } from './lto.ts';
import { type Manifests, readManifests } from './manifests.ts';
import { type Scripts, scriptsOf } from './scripts.ts';
import { isCheck, isProcMacro } from './target.ts';
import type { Lane, UnitFile, UnitId } from './types.ts';

export interface Facts {
  readonly workspace: Workspace;
  readonly graph: UnitGraph;
  /** Indices, dependencies before dependents. */
  readonly order: readonly number[];
  readonly ids: readonly UnitId[];
  readonly files: readonly (readonly UnitFile[])[];
  readonly lanes: readonly Lane[];
  readonly scripts: readonly Scripts[];
  readonly roots: ReadonlySet<number>;
  readonly primary: ReadonlySet<string>;
  readonly manifests: Manifests;
  /** What the configuration and rustc say for a platform; asked once each. */
  forPlatform(platform: string | null): PlatformFacts;
  unit(index: number): Unit;
  package(index: number): Package;
  lto(index: number): Lto;
  reached(index: number): readonly number[];
  /** Packages whose code runs inside of rustc when this unit is compiled. */
  macroPackages(index: number): ReadonlySet<Package>;
}

export interface PlatformFacts {
  readonly rustflags: readonly string[];
  readonly linker: string | null;
  readonly cfgs: readonly string[];
}

const known = new WeakMap<Workspace, Facts>();

/** Throws `UserError` for what cargo would build and drydock does not. */
export function factsOf(workspace: Workspace): Facts {
  let facts = known.get(workspace);
  if (facts === undefined) {
    refuse(workspace);
    facts = compute(workspace);
    known.set(workspace, facts);
  }
  return facts;
}

function compute(workspace: Workspace): Facts {
  const { graph } = workspace;
  const unit = (index: number): Unit => unitAt(graph.units, index);
  const packageOf = ({ pkg_id: id }: Unit): Package => {
    const pkg = workspace.packages.get(id);
    if (pkg === undefined) throw new Error(`no package ${id}`);
    return pkg;
  };
  const order = topological(graph);
  const ids = unitIds(workspace);
  const roots = new Set(graph.roots);
  const lto = computeLto(graph);
  // A check makes no artefacts, also none of the libraries that are built for it.
  const checks = graph.roots.every((root) => isCheck(unit(root)));
  const reached = reachedLibraries(graph);
  const idOf = (index: number): UnitId => ids[index] as UnitId;
  const macroPackages = new Map<number, ReadonlySet<Package>>();
  return {
    workspace,
    graph,
    order,
    ids,
    files: graph.units.map((each, index) =>
      unitFiles(each, packageOf(each), idOf(index), checks ? null : roots.has(index), workspace.toolchain),
    ),
    lanes: lanesOf(workspace, order, packageOf),
    scripts: scriptsOf(graph, packageOf),
    roots,
    primary: new Set(graph.roots.map((root) => unit(root).pkg_id)),
    manifests: readManifests(),
    forPlatform: platformFacts(workspace),
    unit,
    package: (index) => packageOf(unit(index)),
    lto: (index) => lto.get(index) ?? { kind: 'object' },
    reached,
    macroPackages: (index) => {
      let packages = macroPackages.get(index);
      if (packages === undefined) {
        packages = packagesOfMacros(reached, unit, packageOf, index);
        macroPackages.set(index, packages);
      }
      return packages;
    },
  };
}

function platformFacts({ config, toolchain }: Workspace): (platform: string | null) => PlatformFacts {
  const answers = new Map<string | null, PlatformFacts>();
  return (platform) => {
    let answer = answers.get(platform);
    if (answer === undefined) {
      const rustflags = config.rustflags(platform);
      answer = { rustflags, linker: config.linker(platform), cfgs: toolchain.cfgs(platform) };
      answers.set(platform, answer);
    }
    return answer;
  };
}

/** A package of a registry that is patched to depend on a path package stays on this machine as well. */
function lanesOf(workspace: Workspace, order: readonly number[], packageOf: (unit: Unit) => Package): readonly Lane[] {
  const lanes: Lane[] = [];
  for (const index of order) {
    const unit = unitAt(workspace.graph.units, index);
    const own = packageOf(unit).source.kind === 'path';
    const inherited = unit.dependencies.some((dependency) => lanes[dependency.index] === 'dev');
    lanes[index] = !workspace.invocation.pure && (own || inherited) ? 'dev' : 'pure';
  }
  return lanes;
}

function packagesOfMacros(
  reached: (index: number) => readonly number[],
  unit: (index: number) => Unit,
  packageOf: (unit: Unit) => Package,
  index: number,
): ReadonlySet<Package> {
  const packages = new Set<Package>();
  for (const library of reached(index)) {
    if (!isProcMacro(unit(library).target)) continue;
    packages.add(packageOf(unit(library)));
    for (const below of reached(library)) packages.add(packageOf(unit(below)));
  }
  return packages;
}

function topological(graph: UnitGraph): readonly number[] {
  const order: number[] = [];
  const seen = new Set<number>();
  const visit = (index: number): void => {
    if (seen.has(index)) return;
    seen.add(index);
    for (const dependency of unitAt(graph.units, index).dependencies) visit(dependency.index);
    order.push(index);
  };
  for (const index of graph.units.keys()) visit(index);
  return order;
}

function refuse(workspace: Workspace): void {
  const { units } = workspace.graph;
  const documented = units.find((unit) => ['doc', 'docscrape'].includes(unit.mode));
  if (documented !== undefined) {
    throw new UserError(
      'D0702',
      `units of mode \`${documented.mode}\` are not planned: ${documented.pkg_id}`,
      'build documentation with cargo',
    );
  }
  const custom = units.find((unit) => unit.platform?.endsWith('.json') === true)?.platform;
  if (typeof custom !== 'string') return;
  throw new UserError(
    'D0704',
    `${custom} describes a platform of its own, and a sandbox does not show it to rustc`,
    'build for a platform that rustc knows by name, or use cargo',
  );
}

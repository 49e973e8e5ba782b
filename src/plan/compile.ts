/** The derivation of a compilation. */
import type { Goal, SourceInput, Stage } from '../engine/types.ts';
import { declareCacheMounts } from '../mounts/declare.ts';
import type { MountGrant } from '../mounts/types.ts';
import type { StoreView } from '../mounts/views.ts';
import { optimises, rustcArguments } from './arguments.ts';
import { laneVariables, seal } from './draft.ts';
import {
  addLibraries,
  compileEnvironment,
  configuredValues,
  grantable,
  grantVariables,
  withoutDescription,
} from './environment.ts';
import { dependencyFiles, externArguments } from './externs.ts';
import type { Facts } from './facts.ts';
import { artifactRoot, incrementalDirectory } from './layout.ts';
import { incrementalPlace, placeOf, scratchPlace, sourceArgument, viewedDepsPlace } from './places.ts';
import { Needs } from './needs.ts';
import {
  callsLinker,
  crateName,
  isBuildScript,
  isCheck,
  isExecutableExample,
  isForHost,
  isLibrary,
  isLinkable,
  isSharedLibrary,
  isTest,
  kindOf,
  needsObjects,
} from './target.ts';
import type { PlannedUnit, PlanOptions } from './types.ts';
import { assignments, wordList } from './words.ts';
import { wrappersFor } from './wrappers.ts';
import { finish, type Made, searchPath } from './unit.ts';
import * as path from 'node:path';

/** Plans one compilation. `made`: the units that it depends on. */
export function planCompile(facts: Facts, options: PlanOptions, index: number, made: Made): PlannedUnit {
  const unit = facts.unit(index);
  const pkg = facts.package(index);
  const id = made.idOf(index);
  const { workspace } = facts;
  const { config } = workspace;
  const record = options.record(id);
  const real = pkg.source.kind === 'path' && !workspace.invocation.pure;
  const closure = options.sources.closure({
    package: pkg,
    purpose: 'compile',
    entry: unit.target.src_path,
    macroReadsFiles: pkg.source.kind === 'path' && macrosReadFiles(facts, options, index),
    record,
  });
  const place = placeOf(workspace, pkg, closure);
  const toolchain = options.toolchain.for(unit.platform);
  const platform = facts.forPlatform(unit.platform);
  const primary = facts.primary.has(pkg.id);
  const mounted = real && unit.profile.incremental;

  const environment = compileEnvironment({
    unit,
    package: pkg,
    place,
    real,
    config,
    caller: workspace.environment,
    workspaceRoot: workspace.root,
    cargo: toolchain.cargo,
    scratch: real ? path.join(workspace.buildDir, 'tmp') : scratchPlace,
    executable: (name) => (isCheck(unit) ? `placeholder:${name}` : executablePath(facts, index, made, name, real)),
  });
  const wrappers = wrappersFor(options.wrappers, workspace.members.has(pkg.id));
  const usesHost = wrappers.some(({ input }) => input.kind !== 'store-path') || toolchain.usesHost;
  const onlyRustc = facts.macroPackages(index).size === 0 && wrappers.length === 0 && !toolchain.callsRustc;
  if (pkg.source.kind === 'path' && onlyRustc) withoutDescription(environment, pkg);
  const { shell } = options;
  const linked = callsLinker(unit) && !isForHost(unit.target);
  const part = record.shell ? shell.whole() : linked ? shell.linking : shell.nothing;
  const variables = [...record.env, ...closure.env, ...part.variables];
  const granted = grantVariables(environment, variables, grantable(shell.caller, pkg, primary));
  addLibraries(environment, part.libraries);

  const argv = rustcArguments({
    unit,
    package: pkg,
    id,
    source: sourceArgument(place, unit.target.src_path),
    lto: facts.lto(index),
    primary,
    harness: !isTest(unit) || facts.manifests.harness(pkg.manifestPath, unit.target),
    incremental: mounted,
    linker: platform.linker,
    externs: externArguments(facts.graph, unit, facts.files),
    capLints: pkg.source.kind === 'path' ? null : 'allow',
    rustflags: platform.rustflags,
    host: workspace.toolchain.host,
  });
  const mount = mounted ? incrementalMount(facts, index, made, !optimises(argv)) : null;

  const needs = new Needs(made);
  const dependencies = dependencyFiles(facts.graph, unit, facts.reached(index), facts.files).flatMap(
    ({ index: from, stage, names }) =>
      names.map((name) => {
        const output = needs.output(from, stage);
        return { output, file: `${output}/${name}`, id: made.idOf(from), lane: facts.lanes[from] };
      }),
  );
  const moving = mount === null ? [] : dependencies.filter(({ lane }) => lane === 'dev');
  const views: readonly StoreView[] = real ? [{ source: closure.path, target: place.real }] : [];
  const viewed: readonly StoreView[] = moving.map(({ output, id: from }) => ({
    source: output,
    target: `${viewedDepsPlace}/${from}`,
  }));
  const filesOf = (chosen: typeof dependencies): string => chosen.map(({ file }) => file).join(' ');
  const script = unit.dependencies.map((each) => each.index).find((each) => made.isOwnRun(index, each));
  const runs = facts.scripts[index] ?? { link: [], load: [] };
  const outputs = (indices: readonly number[]): string => indices.map((each) => needs.output(each, 'whole')).join(' ');
  const whole: Stage = 'whole';
  // A library of no use to rustc (a `staticlib`) is an input as any other: cargo compiles it before its dependents.
  for (const { index: each } of unit.dependencies) {
    const { target, mode } = facts.unit(each);
    if (mode === 'build' && isLibrary(target) && !isLinkable(target)) needs.output(each, whole);
  }
  // A wrapper is told what cargo tells it: `rustc` is found by PATH, which begins with the toolchain.
  const named = wrappers.length > 0 && workspace.toolchain.rustcName === 'rustc' ? 'rustc' : toolchain.rustc;
  const [program = named, ...words] = [...wrappers.map((each) => each.program), named, ...argv];
  const env: Record<string, string> = {
    step: 'compile',
    source: closure.path,
    sourceForm: closure.form,
    place: place.root,
    directory: place.directory,
    path: searchPath(toolchain, part.directories),
    program,
    arguments: wordList(words),
    environment: assignments(environment),
    dependencies: filesOf(dependencies),
    script: script === undefined ? '' : needs.output(script, whole),
    linkScripts: outputs(runs.link),
    packageScripts: outputs(runs.link.filter((run) => facts.unit(run).pkg_id === unit.pkg_id)),
    passLinkFlags: isLibrary(unit.target) || !pkg.targets.some(isLibrary) ? '1' : '',
    linkKinds: wordList(linkKinds(facts, index)),
    libraryPath: outputs(runs.load),
    ...(mount === null ? {} : { movingDependencies: filesOf(moving) }),
    ...(real ? laneVariables(options, mount === null ? null : declareCacheMounts([mount]), [...views, ...viewed]) : {}),
  };
  const builder = options.builders.compile;
  const sources: SourceInput[] = [
    builder,
    closure.input,
    ...toolchain.inputs,
    ...options.tools.inputs,
    ...wrappers.map(({ input }) => input),
    ...part.inputs,
    ...shell.inputs([...configuredValues(environment, config), ...granted, ...platform.rustflags]),
  ];
  const sealed = seal(facts, options, index, { env, builder, inputs: needs.sealed(), sources, usesHost });
  const goal: Goal = {
    key: id,
    sealed,
    needs: needs.list(),
    sources,
    earlyFile: unit.mode === 'build' && !needsObjects(unit) ? earlyFile(facts, index) : null,
    mounts: mount === null ? [] : [mount],
    views,
    weight: 0,
    lane: facts.lanes[index] ?? 'pure',
    own: real ? ownFiles(facts, index) : [],
  };
  const programNames: PlannedUnit['programNames'] = [
    [toolchain.rustc, workspace.toolchain.rustcName],
    ...wrappers.map(({ program: inside, name }) => [inside, name] as const),
  ];
  const parts = { goal, closure, place, toolchain, environment, program, argv: words, programNames, viewed, variables };
  return finish(facts, made, index, { ...parts, shellHasMore: shell.hasMore && !record.shell });
}

function macrosReadFiles(facts: Facts, options: PlanOptions, index: number): boolean {
  for (const pkg of facts.macroPackages(index)) if (options.sources.mentionsFileSystem(pkg)) return true;
  return false;
}

function earlyFile(facts: Facts, index: number): string | null {
  return facts.files[index]?.find((file) => file.flavor === 'rmeta')?.name ?? null;
}

/** What cargo shows under a plain name, but for libraries that only rustc reads and build scripts. */
function ownFiles(facts: Facts, index: number): readonly string[] {
  if (isBuildScript(facts.unit(index).target)) return [];
  const files = facts.files[index] ?? [];
  return files.flatMap(({ name, plainName }) => (plainName === null || /\.(rlib|rmeta)$/.test(name) ? [] : [name]));
}

function incrementalMount(facts: Facts, index: number, made: Made, killSafe: boolean): MountGrant {
  const unit = facts.unit(index);
  const id = made.idOf(index);
  return {
    id: `incremental/${crateName(unit.target)}-${id}`,
    target: incrementalPlace,
    sharing: 'locked',
    ro: false,
    directory: incrementalDirectory(facts.workspace, unit, id),
    transactional: true,
    killSafe,
  };
}

/** Where a test will find a binary of its package: uplifted into `target/`, or in the store. */
function executablePath(facts: Facts, index: number, made: Made, name: string, real: boolean): string {
  const { platform, pkg_id: id } = facts.unit(index);
  if (real) return path.join(artifactRoot(facts.workspace, platform), name);
  const binary = facts.unit(index).dependencies.find(({ index: next }) => {
    const { target, pkg_id: other } = facts.unit(next);
    return other === id && kindOf(target) === 'bin' && target.name === name;
  });
  if (binary === undefined) return `placeholder:${name}`;
  return path.join(made.unit(binary.index).goal.sealed.outPath, facts.files[binary.index]?.[0]?.name ?? name);
}

/** The kinds of `rustc-link-arg*` directives that apply to a unit. */
function linkKinds(facts: Facts, index: number): readonly string[] {
  const unit = facts.unit(index);
  const { target } = unit;
  const kind = kindOf(target);
  return [
    'all',
    ...(kind === 'bin' ? ['bins', `bin=${target.name}`] : []),
    ...(kind === 'test' ? ['tests'] : []),
    ...(kind === 'bench' ? ['benches'] : []),
    ...(isExecutableExample(target) ? ['examples'] : []),
    ...(!isTest(unit) && isSharedLibrary(target, 'cdylib') ? ['cdylib'] : []),
  ];
}

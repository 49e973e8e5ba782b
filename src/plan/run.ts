/** The derivation of a build-script run. */
import * as path from 'node:path';
import type { LinksOverride } from '../cargo/types.ts';
import type { Goal, SourceInput } from '../engine/types.ts';
import { textPath } from '../nix/store-path.ts';
import type { SourceClosure } from '../sources/types.ts';
import { emptyTree } from './content.ts';
import { laneVariables, seal } from './draft.ts';
import { addLibraries, configuredValues, grantVariables, metadataPrefix, runEnvironment } from './environment.ts';
import type { Facts } from './facts.ts';
import { Needs } from './needs.ts';
import { type Place, placeOf } from './places.ts';
import { readThrough } from './shell.ts';
import { isBuildScript, isRun, isSharedLibrary } from './target.ts';
import type { PlannedUnit, PlanOptions } from './types.ts';
import { finish, type Made, searchPath } from './unit.ts';
import { wrappersFor } from './wrappers.ts';
import { assignments, wordList } from './words.ts';

/** Plans one run. Where the configuration has the output (`target.<triple>.<links>`), it is repeated, not made. */
export function planRun(facts: Facts, options: PlanOptions, index: number, made: Made): PlannedUnit {
  const unit = facts.unit(index);
  const pkg = facts.package(index);
  const { config } = facts.workspace;
  const override = pkg.links === null ? null : config.linksOverride(unit.platform, pkg.links);
  return override === null ? planScript(facts, options, index, made) : repeat(facts, options, index, made, override);
}

function planScript(facts: Facts, options: PlanOptions, index: number, made: Made): PlannedUnit {
  const unit = facts.unit(index);
  const pkg = facts.package(index);
  const id = made.idOf(index);
  const { workspace } = facts;
  const { config, toolchain: rust } = workspace;
  const record = options.record(id);
  const real = pkg.source.kind === 'path' && !workspace.invocation.pure;
  const compiled = scriptOf(facts, index);
  const closure = options.sources.closure({
    package: pkg,
    purpose: 'run',
    entry: unit.target.src_path,
    macroReadsFiles: false,
    record,
  });
  const place = placeOf(workspace, pkg, closure);
  const toolchain = options.toolchain.for(null);
  const needs = new Needs(made);
  const executable = facts.files[compiled]?.find((file) => file.flavor === 'normal')?.name ?? '';
  const program = path.join(needs.output(compiled, 'whole'), executable);
  const triple = unit.platform ?? rust.host;

  const environment = runEnvironment({
    unit,
    package: pkg,
    place,
    real,
    config,
    caller: workspace.environment,
    workspaceRoot: workspace.root,
    cargo: toolchain.cargo,
    profileRoot: facts.manifests.profileRoot(path.join(workspace.root, 'Cargo.toml'), config, unit.profile.name),
    target: triple,
    host: rust.host,
    rustc: toolchain.rustc,
    wrappers: options.wrappers,
    rustdoc: toolchain.rustdoc,
    ...facts.forPlatform(unit.platform),
    sysrootLibraries: path.join(toolchain.path, 'lib/rustlib', rust.host, 'lib'),
  });
  const { shell } = options;
  const packages = facts.reached(compiled).map((library) => facts.package(library).name);
  const asked = [...record.env, ...closure.env, ...readThrough(packages)];
  const ofCaller = asked.filter((name) => !environment.has(name));
  const part = record.shell ? shell.whole() : shell.calling(ofCaller, closure.programs);
  const variables = [...asked, ...part.variables];
  const granted = grantVariables(environment, variables, shell.caller);
  addLibraries(environment, part.libraries);

  const shared = facts.reached(compiled).flatMap((library) => {
    if (!isSharedLibrary(facts.unit(library).target, 'dylib')) return [];
    const files = facts.files[library]?.filter((file) => file.flavor === 'linkable') ?? [];
    return files.map((file) => path.join(needs.output(library, 'whole'), file.name));
  });
  const metadata = unit.dependencies.flatMap(({ index: next }) => {
    const { links } = facts.package(next);
    if (!isRun(facts.unit(next)) || links === null) return [];
    return [`${metadataPrefix(links)}=${needs.output(next, 'whole')}`];
  });
  const views = real ? [{ source: closure.path, target: closure.root }] : [];
  const described = describedSources(facts, index, made).filter(({ input }) => input.path !== closure.path);
  const env: Record<string, string> = {
    step: 'run',
    source: closure.path,
    sourceForm: closure.form,
    place: place.root,
    directory: place.package,
    path: searchPath(toolchain, part.directories),
    program,
    environment: assignments(environment),
    dependencies: shared.join(' '),
    metadataFrom: wordList(metadata),
    ...(described.length === 0 ? {} : { metadataSources: wordList(described.flatMap(({ words }) => words)) }),
    libraryPath: (facts.scripts[index]?.load ?? []).map((run) => needs.output(run, 'whole')).join(' '),
    ...(real ? laneVariables(options, null, views) : {}),
  };
  const wrappers = wrappersFor(options.wrappers, true);
  const around = wrappers.map(({ input }) => input);
  const builder = options.builders.run;
  const sources: SourceInput[] = [
    builder,
    closure.input,
    ...described.map(({ input }) => input),
    ...toolchain.inputs,
    ...options.tools.inputs,
    ...around,
    ...part.inputs,
    ...shell.inputs([
      ...configuredValues(environment, config),
      ...granted,
      ...facts.forPlatform(unit.platform).rustflags,
    ]),
  ];
  const sealed = seal(facts, options, index, { env, builder, inputs: needs.sealed(), sources });
  const goal = goalOf(facts, index, id, { sealed, needs: needs.list(), sources, views });
  const programNames = wrappers.map(({ program: inside, name }) => [inside, name] as const);
  const parts = { goal, closure, place, toolchain, environment, program, argv: [], programNames, variables };
  return finish(facts, made, index, { ...parts, shellHasMore: shell.hasMore && !record.shell });
}

/**
 * Sources of the linked packages that are not the user's own, with the words by which the builder lays them out: their
 * metadata may name a directory among them (headers). They are inputs of those runs already, so nothing more is rebuilt.
 */
function describedSources(
  facts: Facts,
  index: number,
  made: Made,
): readonly { readonly words: readonly string[]; readonly input: SourceInput }[] {
  const found = new Map<string, { words: readonly string[]; input: SourceInput }>();
  for (const { index: next } of facts.unit(index).dependencies) {
    const { links, source } = facts.package(next);
    if (!isRun(facts.unit(next)) || links === null || source.kind === 'path') continue;
    const run = made.unit(next);
    if (run.overridden) continue;
    const place = run.goal.sealed.derivation.env['place'] ?? '';
    found.set(run.source.path, { words: [place, run.source.form, run.source.path], input: run.source.input });
  }
  return [...found.values()];
}

/** Prints the declared output with the means of the shell alone: the builder reads it as it reads a script's. */
const printFile = 'while IFS= read -r line; do printf "%s\\n" "$line"; done <"$0"';

function repeat(facts: Facts, options: PlanOptions, index: number, made: Made, override: LinksOverride): PlannedUnit {
  const id = made.idOf(index);
  const real = facts.lanes[index] === 'dev';
  const text = `${override.output.trimEnd()}\n`;
  const output: SourceInput = { kind: 'text', path: textPath('links-override', text), text };
  const program = '/bin/sh';
  const argv = ['-c', printFile, output.path];
  const place: Place = {
    root: '/build/empty',
    real: facts.package(index).root,
    package: '/build/empty',
    directory: '/build',
  };
  const closure: SourceClosure = { ...emptyTree(), root: place.real };
  const toolchain = options.toolchain.for(null);
  const env: Record<string, string> = {
    step: 'run',
    source: closure.path,
    sourceForm: 'tree',
    place: place.root,
    directory: place.directory,
    path: searchPath(toolchain, options.tools.directories),
    program,
    arguments: wordList(argv),
    environment: '',
    ...(real ? laneVariables(options, null, []) : {}),
  };
  const builder = options.builders.run;
  const sources = [builder, closure.input, ...options.tools.inputs, output];
  const sealed = seal(facts, options, index, { env, builder, inputs: [], sources });
  const goal = goalOf(facts, index, id, { sealed, needs: [], sources, views: [] });
  const parts = { goal, closure, place, toolchain, environment: new Map<string, string>(), program, argv };
  return finish(facts, made, index, { ...parts, overridden: true });
}

function goalOf(
  facts: Facts,
  index: number,
  key: string,
  parts: Pick<Goal, 'sealed' | 'needs' | 'sources' | 'views'>,
): Goal {
  return { key, ...parts, earlyFile: null, mounts: [], weight: 0, lane: facts.lanes[index] ?? 'pure', own: [] };
}

function scriptOf(facts: Facts, index: number): number {
  const script = facts
    .unit(index)
    .dependencies.find(({ index: next }) => !isRun(facts.unit(next)) && isBuildScript(facts.unit(next).target));
  if (script === undefined) throw new Error(`run without a build script: ${facts.unit(index).pkg_id}`);
  return script.index;
}

/** Real derivations with shell scripts as builders, built by the embedded engine in a store of the test's own. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { embeddedEngine } from '../../src/engine/embedded/engine.ts';
import type {
  BuilderExit,
  Engine,
  EngineEvent,
  Goal,
  GoalKey,
  GoalSource,
  Outcome,
  SourceInput,
  Stage,
  Verdict,
} from '../../src/engine/types.ts';
import type { MountGrant } from '../../src/mounts/types.ts';
import { sealDerivation } from '../../src/nix/seal.ts';
import { sourcePath, textPath } from '../../src/nix/store-path.ts';
import type { Sha256 } from '../../src/nix/types.ts';
import { openStore } from '../../src/store/store.ts';
import type { Store } from '../../src/store/types.ts';

export interface GoalSpec {
  /** Run by `/bin/sh -ec`, with `PATH=/usr/bin:/bin`; the inputs' paths are in variables of their keys' names. */
  readonly script?: string;
  /** Instead of `script`: builder and arguments. */
  readonly command?: readonly [string, ...string[]];
  readonly needs?: Readonly<Record<GoalKey, Stage>>;
  readonly sources?: readonly SourceInput[];
  readonly env?: Readonly<Record<string, string>>;
  readonly early?: string;
  readonly mounts?: readonly MountGrant[];
  readonly views?: Goal['views'];
  readonly weight?: number;
  readonly lane?: Goal['lane'];
  readonly own?: readonly string[];
}

/** Goals by key; a goal's needs must come before it. */
export function makeGoals(specs: Readonly<Record<GoalKey, GoalSpec>>): Map<GoalKey, Goal> {
  const goals = new Map<GoalKey, Goal>();
  for (const [key, spec] of Object.entries(specs)) {
    const inputs = Object.entries(spec.needs ?? {}).map(([name, stage]) => {
      const goal = goals.get(name);
      if (goal === undefined) throw new Error(`${key} needs ${name}, which does not come before it`);
      return { name, stage, goal };
    });
    const env: Record<string, string> = { PATH: '/usr/bin:/bin', ...spec.env };
    for (const { name, goal } of inputs) env[name.replaceAll('-', '_')] = goal.sealed.outPath;
    const [builder, ...args] = spec.command ?? ['/bin/sh', '-ec', spec.script ?? ''];
    const sealed = sealDerivation({
      name: key,
      system: 'x86_64-linux',
      builder,
      args,
      env,
      inputDrvs: inputs.map(({ goal }) => goal.sealed),
      inputSrcs: (spec.sources ?? []).map((source) => source.path),
    });
    goals.set(key, {
      key,
      sealed,
      needs: inputs.map(({ name, stage }) => ({ key: name, stage })),
      sources: spec.sources ?? [],
      earlyFile: spec.early ?? null,
      mounts: spec.mounts ?? [],
      views: spec.views ?? [],
      weight: spec.weight ?? 1,
      lane: spec.lane ?? 'pure',
      own: spec.own ?? [],
    });
  }
  return goals;
}

export interface Build {
  readonly outcomes: ReadonlyMap<GoalKey, Outcome>;
  readonly events: readonly EngineEvent[];
  /** Lines of each goal's log. */
  readonly log: (key: GoalKey) => readonly string[];
}

export interface BuildOptions {
  readonly jobs?: number;
  readonly keepGoing?: boolean;
  readonly signal?: AbortSignal;
  readonly inspect?: (goal: Goal, exit: BuilderExit) => Promise<Verdict>;
  readonly onEvent?: (event: EngineEvent) => void;
}

export async function realise(engine: Engine, source: GoalSource, options: BuildOptions = {}): Promise<Build> {
  const events: EngineEvent[] = [];
  const outcomes = await engine.realise(
    source,
    { jobs: options.jobs ?? 2, keepGoing: options.keepGoing ?? false },
    (event) => {
      events.push(event);
      options.onEvent?.(event);
    },
    options.signal ?? new AbortController().signal,
  );
  const log = (key: GoalKey) =>
    events.flatMap((event) => (event.type === 'line' && event.key === key ? [event.line] : []));
  return { outcomes, events, log };
}

/** A tree of texts as a source: relative path -> contents. `executable` files begin with `#!`. */
export async function treeSource(
  lab: Lab,
  name: string,
  texts: Readonly<Record<string, string>>,
): Promise<SourceInput> {
  const root = mkdtempSync(path.join(lab.directory, `${name}-`));
  const files = new Map<string, string>();
  for (const [relative, text] of Object.entries(texts)) {
    const file = path.join(root, relative);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text, { mode: text.startsWith('#!') ? 0o755 : 0o644 });
    files.set(relative, file);
  }
  const wrong = sourcePath(name, '0'.repeat(64) as Sha256);
  const outcome = await lab.store.addSource({ kind: 'tree', path: wrong, files });
  if (outcome.status !== 'changed') throw new Error(`expected another path than ${wrong}`);
  return { kind: 'tree', path: outcome.actual, files };
}

export function textSource(name: string, text: string): SourceInput {
  return { kind: 'text', path: textPath(name, text), text };
}

export interface Lab {
  readonly directory: string;
  readonly store: Store;
  readonly engine: Engine;
  build(goals: ReadonlyMap<GoalKey, Goal>, options?: BuildOptions): Promise<Build>;
  close(): Promise<void>;
}

/** A store in a directory of its own, fresh unless `directory` names one. */
export async function makeLab(parent = tmpdir(), directory?: string): Promise<Lab> {
  const home = directory ?? mkdtempSync(path.join(parent, 'drydock-engine-'));
  mkdirSync(path.join(home, 'store'), { recursive: true });
  const store = await openStore(path.join(home, 'store'));
  const engine = embeddedEngine(store);
  return {
    directory: home,
    store,
    engine,
    build: (goals, options = {}) =>
      realise(engine, { goals: () => goals, inspect: options.inspect ?? (() => Promise.resolve('accept')) }, options),
    async close() {
      await store.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** One goal of the embedded engine, from its lock to its place in the store. */
import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { type HeldMounts, holdMounts } from '../../mounts/hold.ts';
import type { Derivation, SealedDerivation, StorePath } from '../../nix/types.ts';
import type { OutputHandle, Store } from '../../store/types.ts';
import { removeTree } from '../../sys/copy.ts';
import type { LockOptions } from '../../sys/lock.ts';
import { supervise } from '../../sys/supervise.ts';
import type { Attempt, AttemptEnd, Executor } from '../executor.ts';
import type { FailureReason } from '../types.ts';
import { explainRefusal } from './bwrap.ts';
import { inputsOf } from './inputs.ts';
import type { Places } from './places.ts';
import { type Isolation, passedAsFile, sandboxCommand } from './sandbox.ts';
import type { SourceAdder } from './sources.ts';
import { fillDependencies, fillStage } from './stage.ts';

export interface Workshop {
  readonly store: Store;
  readonly places: Places;
  readonly sources: SourceAdder;
  readonly bwrap: string;
  readonly isolation: Isolation;
  readonly cores: number;
  /** Removals that nobody needs to wait for before the end of the build. */
  later(work: Promise<void>): void;
  /** Told of each derivation whose output has become valid. */
  built(derivation: SealedDerivation): void;
}

/** Where `$out` lies within rustc's state: links between the two are possible on one mount only. */
const outInState = '.out';
const incrementalPlace = '/incremental';
/** Exit codes after which rustc has left its state as it should be. 98: the builder never started it. */
const cleanCodes = new Set<number | null>([0, 1, 98]);
/** A shell's word for a child that SIGKILL ended, such as the kernel's when memory is short. */
const killedCode = 137;

/** The embedded engine's way to build a goal. */
export function embeddedExecutor(shop: Workshop): Executor {
  return { build: (attempt) => build(shop, attempt) };
}

async function build(shop: Workshop, attempt: Attempt): Promise<AttemptEnd> {
  const { store } = shop;
  const { outPath } = attempt.goal.sealed;
  const lock = await waiting(attempt, (options) => store.lockOutput(outPath, options));
  try {
    if (store.valid([outPath]).has(outPath)) return { status: 'valid' };
    const refused = await shop.sources.add(attempt.goal.sources);
    if (refused !== null) return { status: 'failed', reason: refused };
    const handle = await store.prepareOutput(outPath);
    let committed = false;
    try {
      const end = await buildInto(shop, attempt, handle);
      committed = end.status === 'built';
      return end;
    } finally {
      if (!committed) await store.discardOutput(handle);
    }
  } finally {
    lock.release();
  }
}

async function buildInto(shop: Workshop, attempt: Attempt, handle: OutputHandle): Promise<AttemptEnd> {
  const { store } = shop;
  const { goal } = attempt;
  const begun = performance.now();
  const run = await runBuilder(shop, attempt, handle);
  await store.writeLog(goal.sealed.drvPath, run.lines);
  if (attempt.signal.aborted) return { status: 'dropped' };

  const ok = run.code === 0;
  const verdict = await attempt.inspect({ ok, code: run.code ?? 137, outDir: handle.directory, lines: run.lines });
  if (attempt.signal.aborted) return { status: 'dropped' };
  if (verdict === 'replanned') return { status: 'replanned' };
  if (verdict !== 'accept') {
    return { status: 'failed', reason: { kind: 'inspection', message: verdict.reject } };
  }
  if (!ok) return { status: 'failed', reason: failureOf(run) };

  // What was built from early files is true only if what they belong to becomes true.
  if (!(await attempt.inputsValid()) || attempt.signal.aborted) return { status: 'dropped' };
  const inputs = attempt.inputs.map((input) => input.goal.sealed.outPath);
  const direct = [...inputs, ...goal.sealed.derivation.inputSrcs];
  const outcome = await store.commitOutput(handle, {
    lane: goal.lane,
    candidates: goal.lane === 'pure' ? [...store.closure(direct).paths, goal.sealed.outPath] : direct,
    deriver: goal.sealed.drvPath,
    own: goal.own,
  });
  if (outcome.status === 'refused') {
    const message = `the output holds something that a store path cannot hold: ${outcome.file} (${outcome.why})`;
    return { status: 'failed', reason: { kind: 'inspection', message } };
  }
  shop.built(goal.sealed);
  return { status: 'built', milliseconds: Math.round(performance.now() - begun) };
}

interface BuilderRun {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lines: readonly string[];
}

function failureOf(run: BuilderRun): FailureReason {
  return run.code === null ? { kind: 'signal', signal: run.signal ?? 'SIGKILL' } : { kind: 'exit', code: run.code };
}

/** Runs the builder; afterwards all that it wrote to `$out` lies in `handle.directory`. */
async function runBuilder(shop: Workshop, attempt: Attempt, handle: OutputHandle): Promise<BuilderRun> {
  const { goal } = attempt;
  const held = await waiting(attempt, (options) => holdMounts(goal.mounts, options));
  const stage = shop.places.freshStage();
  let clean = true;
  let crashed = false;
  let marked: Promise<void> = Promise.resolve();
  try {
    for (const mount of held.mounts) if (mount.dropped) attempt.stateDropped(mount.directory);
    const state = await stateOnSameFileSystem(held, handle);
    const outDirectory = state === null ? handle.directory : path.join(state, outInState);
    try {
      // The disk writes the mark while the stage is filled.
      marked = held.mark(goal.sealed.drvPath);
      marked.catch(() => {});
      mkdirSync(stage);
      const inputs = inputsOf(shop.store, attempt);
      const dependencies = dependenciesOf(goal.sealed.derivation);
      const filled = dependencies.length === 0 ? null : filledOf(stage);
      if (filled !== null) fillDependencies(filled, dependencies, inputs);
      const named = namedBy(goal.sealed.derivation);
      const storeBinds = fillStage(
        stage,
        inputs.filter(({ path: input }) => named(input)),
        goal.sealed.outPath,
      );
      const command = sandboxCommand({
        derivation: goal.sealed.derivation,
        outPath: goal.sealed.outPath,
        outDirectory,
        stage,
        etc: shop.places.etc,
        storeBinds,
        dependencies: filled,
        attributeFiles: writeAttributes(goal.sealed.derivation, stage),
        views: goal.views.map((view) => ({ from: shop.store.hostPath(view.source), to: view.target })),
        mounts: held.mounts.map((mount) => ({ from: mount.directory, to: mount.grant.target, ro: mount.grant.ro })),
        jobserver: shop.places.jobserver,
        outInMount: state === null ? null : `${incrementalPlace}/${outInState}`,
        cores: shop.cores,
        seccompFd: shop.isolation === 'full' && shop.places.seccomp !== null ? 3 : null,
        isolation: shop.isolation,
      });
      await marked;
      attempt.signal.throwIfAborted();
      clean = false;
      const run = await runSandbox(shop, attempt, command, () => [
        outDirectory,
        handle.directory,
        shop.store.hostPath(goal.sealed.outPath),
      ]);
      clean = cleanCodes.has(run.code);
      crashed = !clean && run.code !== null && run.code !== killedCode;
      // One step, onto the empty directory: the early file is always to be found in one of the two.
      if (state !== null) renameSync(outDirectory, handle.directory);
      return run;
    } finally {
      if (state !== null) await removeTree(outDirectory);
    }
  } finally {
    await marked.catch(() => {});
    held.release(clean, crashed);
    shop.later(removeTree(stage));
    shop.later(removeTree(attributesOf(stage)));
    shop.later(removeTree(filledOf(stage)));
  }
}

/** The builder's list of files for `/build/deps` (docs/architecture.md). */
function dependenciesOf(derivation: Derivation): readonly string[] {
  return (derivation.env['dependencies'] ?? '').split(' ').filter((file) => file !== '');
}

/** Which inputs the builder can find in the store: not those of which `/build/deps` has all that it uses. */
function namedBy({ env, args, inputSrcs }: Derivation): (input: StorePath) => boolean {
  const { dependencies: _, ...others } = env;
  const text = [...args, ...inputSrcs, ...Object.values(others)].join('\n');
  return (input) => text.includes(input);
}

function filledOf(stage: string): string {
  return `${stage}.deps`;
}

function attributesOf(stage: string): string {
  return `${stage}.attributes`;
}

/** Variables that are too long for an environment, as files beside the stage (Nix manual: `passAsFile`). */
function writeAttributes(derivation: Derivation, stage: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const name of passedAsFile(derivation)) {
    const file = path.join(attributesOf(stage), String(files.size));
    if (files.size === 0) mkdirSync(attributesOf(stage));
    writeFileSync(file, derivation.env[name] ?? '');
    files.set(name, file);
  }
  return files;
}

async function runSandbox(
  shop: Workshop,
  attempt: Attempt,
  command: ReturnType<typeof sandboxCommand>,
  locations: () => readonly string[],
): Promise<BuilderRun> {
  const lines: string[] = [];
  const own: string[] = [];
  const filter = shop.isolation === 'full' ? shop.places.seccomp : null;
  attempt.started();
  const end = await supervise({
    program: shop.bwrap,
    args: command.args,
    env: command.env,
    files: filter === null ? [] : [filter],
    signal: attempt.signal,
    onLine: (line) => {
      lines.push(line);
      if (line.startsWith('bwrap: ')) own.push(line.slice('bwrap: '.length));
      attempt.line(line);
      if (attempt.goal.earlyFile !== null && announcesMetadata(line)) attempt.early(locations);
    },
  });
  if (end.code === 1 && own.length > 0) {
    const refusal = explainRefusal(own.join('; '));
    if (refusal !== null) throw refusal;
  }
  return { ...end, lines };
}

/** rustc's message that the metadata file is complete (`--json=artifacts`). */
function announcesMetadata(line: string): boolean {
  return line.startsWith('{"$message_type":"artifact"') && line.endsWith('"emit":"metadata"}');
}

/** Does something that may wait for other processes without keeping the right to run meanwhile. */
async function waiting<Value>(attempt: Attempt, work: (options: LockOptions) => Promise<Value>): Promise<Value> {
  const value = await work({
    signal: attempt.signal,
    onWait: () => {
      attempt.waitingForLock();
      attempt.pause();
    },
  });
  await attempt.resume();
  return value;
}

/**
 * The directory mounted at `/incremental` if `$out` can be a part of it, made ready for that; null: there is none, or it
 * lies on another file system than the store. rustc links objects between state and output, which two mounts forbid: it
 * would copy all of them.
 */
async function stateOnSameFileSystem(held: HeldMounts, handle: OutputHandle): Promise<string | null> {
  const mount = held.mounts.find(({ grant }) => grant.target === incrementalPlace && !grant.ro);
  if (mount === undefined || mount.grant.sharing === 'shared') return null;
  if (statSync(mount.directory).dev !== statSync(handle.directory).dev) return null;
  const out = path.join(mount.directory, outInState);
  await removeTree(out);
  mkdirSync(out);
  return mount.directory;
}

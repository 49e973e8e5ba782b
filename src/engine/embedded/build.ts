/** One goal of the embedded engine, from its lock to its place in the store. */
import type { OutputHandle } from '../../store/types.ts';
import { unkeepable } from '../unkeepable.ts';
import type { Attempt, AttemptEnd, Executor } from '../executor.ts';
import type { FailureReason } from '../types.ts';
import { type BuilderRun, runBuilder } from './builder-run.ts';
import { type Workshop, waiting } from './workshop.ts';

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
  if (outcome.status === 'refused') return { status: 'failed', reason: unkeepable(outcome.file, outcome.why) };
  shop.built(goal.sealed);
  return { status: 'built', milliseconds: Math.round(performance.now() - begun) };
}

function failureOf(run: BuilderRun): FailureReason {
  return run.code === null ? { kind: 'signal', signal: run.signal ?? 'SIGKILL' } : { kind: 'exit', code: run.code };
}

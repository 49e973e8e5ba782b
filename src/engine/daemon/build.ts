/** One goal of the Nix engine: its derivation goes to the daemon, log lines come back, then the output is inspected. */
import { buildPathsWithResults } from '../../nix/worker-protocol.ts';
import { type WorkerMessage, activities, readBuildResults } from '../../nix/worker-replies.ts';
import { type GrantedMounts, grantMounts } from '../../mounts/granted.ts';
import type { Answer } from '../../mounts/grants.ts';
import type { Attempt, AttemptEnd, Executor } from '../executor.ts';
import type { FailureReason } from '../types.ts';
import { unusable } from '../unkeepable.ts';
import type { Batch } from './batch.ts';
import { type Ended, daemonFailure, endedOf } from './ended.ts';
import { Refusal } from './failures.ts';
import type { Inputs } from './inputs.ts';
import { logLine } from './log-line.ts';
import type { Outputs } from './outputs.ts';
import type { OwnMounts } from './own-store.ts';
import type { Pool } from './pool.ts';
import { looksLikeMissingTool } from './sandbox-check.ts';
import type { DaemonState } from './state.ts';

export interface Workshop {
  readonly pool: Pool;
  /** Derivations that are built by one call; null: there are none. */
  readonly batch: Batch | null;
  readonly inputs: Inputs;
  readonly outputs: Outputs;
  readonly state: DaemonState;
  /** How a builder gets its mounts in a store of this user's own; null: the daemon's hook is granted them. */
  readonly ownMounts: OwnMounts | null;
  /** Looks whether the daemon's sandbox is as the builders need it; rejects with a `UserError` when it is not. */
  checkSandbox(): Promise<void>;
}

/** The Nix engine's way to build a goal. */
export function daemonExecutor(shop: Workshop): Executor {
  return { build: (attempt) => build(shop, attempt) };
}

async function build(shop: Workshop, attempt: Attempt): Promise<AttemptEnd> {
  const { sealed } = attempt.goal;
  const begun = performance.now();
  const lines: string[] = [];
  const end = (await fromBatch(shop, attempt, lines)) ?? (await alone(shop, attempt, lines));
  if (attempt.signal.aborted) return { status: 'dropped' };
  if (!end.ok || end.built) shop.state.writeLog(sealed.drvPath, lines);
  // Before anybody draws lessons from a failure that the daemon's configuration has caused.
  if (!end.ok) await suspectSandbox(shop, end.reason, lines);
  const notUtf8 = end.ok ? await shop.outputs.fetch(sealed.outPath) : null;
  if (notUtf8 !== null) return { status: 'failed', reason: unusable(notUtf8) };
  const code = end.ok ? 0 : codeOf(end.reason);
  const outDir = shop.outputs.hostPath(sealed.outPath);
  const verdict = await attempt.inspect({ ok: end.ok, code, outDir, lines });
  if (attempt.signal.aborted) return { status: 'dropped' };
  if (verdict === 'replanned') return { status: 'replanned' };
  if (verdict !== 'accept') return { status: 'failed', reason: { kind: 'inspection', message: verdict.reject } };
  if (!end.ok) return { status: 'failed', reason: end.reason };
  shop.state.accept(sealed.outPath);
  return end.built ? { status: 'built', milliseconds: Math.round(performance.now() - begun) } : { status: 'valid' };
}

/** Null: the batch does not build it. The daemon says when it does: to wait for that takes no slot from anybody. */
async function fromBatch({ batch }: Workshop, attempt: Attempt, lines: string[]): Promise<Ended | null> {
  if (batch?.has(attempt.goal.sealed.drvPath) !== true) return null;
  attempt.pause();
  const end = await batch.wait(attempt, lines);
  if (end !== 'unfinished') return end;
  lines.length = 0;
  if (attempt.signal.aborted) return dropped;
  await attempt.resume();
  return null;
}

/** Makes the output valid by a call of its own, if it is not there. */
async function alone(shop: Workshop, attempt: Attempt, lines: string[]): Promise<Ended> {
  const { drvPath, outPath } = attempt.goal.sealed;
  await attempt.mayRun();
  const there = await shop.outputs.present([outPath]);
  if (there.has(outPath)) return { ok: true, built: false };
  const reason = await shop.inputs.add(drvPath);
  if (reason !== null) {
    attempt.started();
    return { ok: false, reason };
  }
  return attempt.signal.aborted ? dropped : runMounted(shop, attempt, lines);
}

/** Nobody reads it: the attempt was aborted. */
const dropped: Ended = { ok: false, reason: { kind: 'signal', signal: 'SIGKILL' } };

/** With the goal's cache mounts held here, and granted, as its views, to the daemon's hook, or shown by settings. */
async function runMounted(shop: Workshop, attempt: Attempt, lines: string[]): Promise<Ended> {
  const granted = await grant(shop, attempt);
  const own = granted === null ? null : (shop.ownMounts?.pool(granted, attempt.goal.sealed.derivation) ?? null);
  let end: Ended = dropped;
  try {
    if (!attempt.signal.aborted) end = await runBuilder(own ?? shop.pool, attempt, lines);
    return end;
  } finally {
    own?.close();
    const code = end.ok ? 0 : codeOf(end.reason);
    if (granted !== null) {
      tellRefused(
        shop.state,
        attempt,
        granted.release(clean.has(code), !attempt.signal.aborted && code === crash),
        end.ok,
      );
    }
  }
}

/** Missing views are only spoken of where a unit may have needed them, or where somebody refuses them. */
function tellRefused(state: DaemonState, attempt: Attempt, answer: Answer, ok: boolean): void {
  const reason = answer === null ? null : answer.mounted ? answer.noView : answer.reason;
  if (attempt.goal.mounts.length > 0) state.mountsWere(answer?.mounted === true || (reason ?? ''));
  if (attempt.goal.mounts.length > 0 && answer?.mounted !== true) attempt.mountsRefused('mounts', reason);
  else if (reason !== null || (answer === null && !ok)) attempt.mountsRefused('views', reason);
}

/** Codes of a builder that has ended by itself: good, errors in the program, never started; and that of a compiler's crash. */
const clean = new Set([0, 1, 98]);
const crash = 101;

async function grant(shop: Workshop, attempt: Attempt): Promise<GrantedMounts | null> {
  const { sealed, mounts } = attempt.goal;
  const { scope, cacheGrants } = sealed.derivation.env;
  if (scope === undefined || cacheGrants === undefined) return null;
  let waited = false;
  const onWait = () => {
    waited = true;
    attempt.waitingForLock();
    attempt.pause();
  };
  const options = { signal: attempt.signal, onWait };
  const granted =
    shop.ownMounts === null
      ? await grantMounts(sealed.drvPath, mounts, { directory: cacheGrants, scope }, options)
      : await shop.ownMounts.hold(sealed.drvPath, mounts, options);
  if (waited) await attempt.resume();
  return granted;
}

async function runBuilder(pool: Pool, attempt: Attempt, lines: string[]): Promise<Ended> {
  const { drvPath } = attempt.goal.sealed;
  const connection = await pool.take();
  // A connection that ends takes the build with it: this is how the daemon is told to stop.
  const abort = () => connection.close();
  attempt.signal.addEventListener('abort', abort, { once: true });
  const listen = listener(attempt, lines);
  try {
    if (attempt.signal.aborted) abort();
    const { minor } = connection.identity;
    const results = await connection.request(
      buildPathsWithResults([drvPath]),
      () => readBuildResults(minor),
      listen.on,
    );
    const [result] = results.values();
    if (result === undefined) throw new Error(`the daemon has no result for ${drvPath}`);
    const end = endedOf(result);
    if (end === 'unfinished') throw new Error(`the daemon has not finished ${drvPath}`);
    if (!end.ok) listen.startedAnyway();
    return end;
  } catch (error) {
    if (attempt.signal.aborted) return dropped;
    if (!(error instanceof Refusal)) throw error;
    listen.startedAnyway();
    return { ok: false, reason: daemonFailure(error.message) };
  } finally {
    attempt.signal.removeEventListener('abort', abort);
    pool.give(connection);
  }
}

/** Turns the messages of one build into the facts of the attempt. */
function listener(attempt: Attempt, lines: string[]) {
  const { drvPath } = attempt.goal.sealed;
  const builds = new Set<number>();
  const on = (message: WorkerMessage) => {
    if (message.type === 'start') {
      if (message.fields[0] !== drvPath) return;
      if (message.activity === activities.buildWaiting) attempt.waitingForLock();
      if (message.activity !== activities.build) return;
      builds.add(message.id);
      attempt.started();
    }
    const line = logLine(message);
    if (line !== null && builds.has(line.activity)) {
      lines.push(line.text);
      attempt.line(line.text);
    }
  };
  // A failure before the builder could start is told like any other: what has not started cannot end.
  const startedAnyway = () => {
    if (builds.size === 0) attempt.started();
  };
  return { on, startedAnyway };
}

function codeOf(reason: FailureReason): number {
  return reason.kind === 'exit' ? reason.code : 137;
}

/** Codes with which a builder ends that has not found its tools: the shell's own, and drydock's builders'. */
const setUpCodes = new Set([98, 126, 127]);

async function suspectSandbox(shop: Workshop, reason: FailureReason, lines: readonly string[]): Promise<void> {
  const text = reason.kind === 'input' && reason.code === 'D0610' ? reason.message : '';
  const suspicious =
    reason.kind === 'exit'
      ? setUpCodes.has(reason.code) || lines.some(looksLikeMissingTool)
      : /\/bin\/sh.*No such file/s.test(text);
  if (suspicious) await shop.checkSandbox();
}

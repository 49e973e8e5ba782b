/** Building what cargo's graph says: cargo -> plan -> engine -> target -> report. The same for every verb. */
import type { Invocation } from '../cargo/types.ts';
import type { Outcome } from '../engine/types.ts';
import type { UnitId } from '../plan/types.ts';
import { History } from '../report/history.ts';
import { reportOptions } from '../report/options.ts';
import { openReport } from '../report/report.ts';
import type { Lookup } from '../report/types.ts';
import type { Built } from '../run/built.ts';
import { perform } from '../run/perform.ts';
import type { Afterwards } from '../run/types.ts';
import { openTarget } from '../target/open.ts';
import { placesOf } from '../target/places.ts';
import type { Target } from '../target/types.ts';
import { concurrency } from './concurrency.ts';
import { Delivery } from './delivery.ts';
import { EngineOpener, type OpenEngine } from './engine.ts';
import type { Host } from './host.ts';
import { type Prepared, prepare } from './prepare.ts';
import { rememberUnchanged } from './unchanged.ts';

/** Exit code of a build that failed, as cargo's. */
const failed = 101;

/** `afterwards`: what runs when all is built; null: nothing. The exit code, of the build or of what ran. */
export async function buildThen(
  invocation: Invocation,
  host: Host,
  afterwards: (built: Built) => Afterwards | null,
): Promise<number> {
  const done = await build(invocation, host, afterwards);
  return typeof done === 'number' ? done : perform(done, host);
}

/** All locks are given back when it returns: what runs then may build, too. */
async function build(
  invocation: Invocation,
  host: Host,
  afterwards: (built: Built) => Afterwards | null,
): Promise<number | Afterwards> {
  const opener = new EngineOpener(invocation, host);
  try {
    const prepared = await prepare(invocation, host.environment, host.signal, opener.ahead);
    if (!prepared.ok) return prepared.failure.exitCode;
    const opened = opener.open(prepared.value);
    try {
      return await buildPrepared(prepared.value, opened, invocation, host, afterwards);
    } finally {
      opened.close();
    }
  } finally {
    opener.close();
  }
}

async function buildPrepared(
  prepared: Prepared,
  opened: OpenEngine,
  invocation: Invocation,
  host: Host,
  afterwards: (built: Built) => Afterwards | null,
): Promise<number | Afterwards> {
  const { workspace, session, store } = prepared;
  const { engine } = opened;
  await engine.expect?.(session);

  const places = placesOf(workspace);
  const history = new History(places, workspace.root, () => session.plan);
  let target: Target | null = null;
  const lookup: Lookup = {
    plan: () => session.plan,
    unit: (key) => session.plan.byId.get(key as UnitId),
    places,
    outputs: (path) => target?.outputs(path) ?? null,
    buildDir: workspace.buildDir,
    profile: workspace.profile,
    stale: (unit) => history.stale(unit),
  };
  const options = reportOptions(workspace, host.startedAt);
  const report = openReport(options, lookup, host.terminal);
  target = await openTarget(workspace, { signal: host.signal, onWait: report.blocking.bind(report) });
  try {
    const delivery = new Delivery({ session, engine, target, report, history });
    await opened.hold(host.signal);
    const valid = await delivery.deliverValid();
    const { jobs, keepGoing } = { jobs: concurrency(workspace), keepGoing: invocation.keepGoing };
    const signal = AbortSignal.any([host.signal, delivery.failed]);
    let outcomes: Awaited<ReturnType<typeof engine.realise>>;
    try {
      outcomes = await engine.realise(session, { jobs, keepGoing, valid }, delivery.on, signal);
    } finally {
      await delivery.settled();
    }
    const success = [...outcomes.values()].every(isGood);
    if (success) target.finish(session.plan);
    await opened.registerRoots(delivery.outputs());
    report.finish(success);
    if (!success) {
      const noRoom = session.withoutRoom.slice(0, 1).map((unit) => opened.noRoom(unit));
      for (const { message } of [...session.outOfReach, ...noRoom]) host.terminal.stderr.write(`${message}\n`);
      return failed;
    }
    const next = afterwards({ workspace, plan: session.plan, target, options });
    const remembered = { ...prepared, invocation, host, target, engine, lookup, options, afterwards: next };
    await rememberUnchanged(remembered);
    if (delivery.built) await opened.collect();
    return next ?? 0;
  } finally {
    target.close();
    await store.close();
  }
}

function isGood({ status }: Outcome): boolean {
  return status === 'valid' || status === 'built';
}

/** `drydock build`: cargo -> plan -> engine -> target -> report. */
import type { Invocation } from '../cargo/types.ts';
import type { Outcome } from '../engine/types.ts';
import type { UnitId } from '../plan/types.ts';
import { History } from '../report/history.ts';
import { reportOptions } from '../report/options.ts';
import { openReport } from '../report/report.ts';
import type { Lookup } from '../report/types.ts';
import { openTarget } from '../target/open.ts';
import { placesOf } from '../target/places.ts';
import type { Target } from '../target/types.ts';
import { concurrency } from './concurrency.ts';
import { Delivery } from './delivery.ts';
import { openEngine } from './engine.ts';
import type { Host } from './host.ts';
import { prepare } from './prepare.ts';
import { rememberUnchanged } from './unchanged.ts';

/** Exit code of a build that failed, as cargo's. */
const failed = 101;

export async function build(invocation: Invocation, host: Host): Promise<number> {
  const prepared = await prepare(invocation, host.environment, host.signal);
  if (!prepared.ok) return prepared.failure.exitCode;
  const { workspace, session, store } = prepared.value;
  const opened = openEngine(prepared.value, host);
  const { engine } = opened;

  const places = placesOf(workspace);
  const history = new History(places, workspace.root, () => session.plan);
  let target: Target | null = null;
  const lookup: Lookup = {
    plan: () => session.plan,
    unit: (key) => session.plan.byId.get(key as UnitId),
    places,
    rustcName: workspace.toolchain.rustcName,
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
    await delivery.deliverValid();
    const { jobs, keepGoing } = { jobs: concurrency(workspace), keepGoing: invocation.keepGoing };
    const outcomes = await engine.realise(session, { jobs, keepGoing }, delivery.on, host.signal);
    await delivery.settled();
    history.save();
    const success = [...outcomes.values()].every(isGood);
    if (success) target.finish(session.plan);
    await opened.registerRoots(delivery.outputs());
    report.finish(success);
    if (!success) {
      for (const { message } of session.outOfReach) host.terminal.stderr.write(`${message}\n`);
      return failed;
    }
    await rememberUnchanged({ ...prepared.value, invocation, host, target, engine, lookup, options });
    if (delivery.built) await opened.collect();
    return 0;
  } finally {
    opened.close();
    target.close();
    await store.close();
  }
}

function isGood({ status }: Outcome): boolean {
  return status === 'valid' || status === 'built';
}

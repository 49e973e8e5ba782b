/** What a next call with nothing to do needs. */
import { watchedFiles } from '../cargo/watched.ts';
import type { Invocation, Workspace } from '../cargo/types.ts';
import type { Engine } from '../engine/types.ts';
import type { Session } from '../learn/session.ts';
import { saveUnchanged } from '../learn/unchanged.ts';
import type { ReportOptions } from '../report/options.ts';
import { inCargoOrder } from '../report/order.ts';
import { openReport } from '../report/report.ts';
import { capturingTerminal } from '../report/terminal.ts';
import type { Lookup } from '../report/types.ts';
import type { Afterwards } from '../run/types.ts';
import type { Sources } from '../sources/types.ts';
import type { Target } from '../target/types.ts';
import { version } from '../version.ts';
import type { Host } from './host.ts';
import { builderFiles } from '../plan/builders.ts';
import { builderDirectory } from './prepare.ts';
import { directoryOf, keyOf } from './repeat.ts';

export interface Finished {
  readonly invocation: Invocation;
  readonly host: Host;
  readonly workspace: Workspace;
  readonly session: Session;
  readonly sources: Sources;
  readonly engine: Engine;
  readonly target: Target;
  readonly lookup: Lookup;
  readonly options: ReportOptions;
  readonly afterwards: Afterwards | null;
}

/** Keeps what a next call with nothing to do needs. */
export async function rememberUnchanged(finished: Finished): Promise<void> {
  const { invocation, host, workspace, session, sources, engine, target, lookup, options, afterwards } = finished;
  // A page of timings is of one build; what lies in a directory of artifacts is not looked at again.
  if (options.timings !== null || workspace.artifactDir !== null) return;
  const terminal = capturingTerminal(host.terminal);
  const report = openReport({ ...options, progress: { ...options.progress, when: 'never' } }, lookup, terminal);
  report.begin(new Set());
  for (const unit of inCargoOrder(session.plan.units)) {
    const lines = report.wantsLog(unit) ? await engine.log(unit.goal.sealed.drvPath) : null;
    report.fresh(unit, lines ?? []);
    report.artifact(unit, target.locate(unit), true);
  }
  report.finish(true);
  const { files, directories } = watchedFiles(workspace);
  saveUnchanged(
    directoryOf(invocation, host),
    keyOf(host),
    version,
    host.environment,
    {
      watched: [...files, ...directories, ...sources.watched(), ...ownFiles()],
      variables: [...session.variables(), ...Object.keys(workspace.config.env)],
      placed: target.placed(session.plan),
      ...terminal.text(),
      afterwards,
    },
    host.startedOn,
  );
}

/** Drydock itself: another one of the same version may plan and build otherwise. */
function ownFiles(): readonly string[] {
  return [process.argv[1] ?? '', ...builderFiles(builderDirectory())];
}

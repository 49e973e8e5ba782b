/** The short way of a build that has nothing to do: say again what the last one would say, without asking cargo. */
import * as path from 'node:path';
import { watchedFiles } from '../cargo/watched.ts';
import type { Invocation, Workspace } from '../cargo/types.ts';
import type { Engine } from '../engine/types.ts';
import type { Session } from '../learn/session.ts';
import { callKey, readUnchanged, saveUnchanged } from '../learn/unchanged.ts';
import { elapsed } from '../report/finished.ts';
import type { ReportOptions } from '../report/options.ts';
import { inCargoOrder } from '../report/order.ts';
import { openReport } from '../report/report.ts';
import { capturingTerminal } from '../report/terminal.ts';
import type { Lookup } from '../report/types.ts';
import type { Sources } from '../sources/types.ts';
import type { Target } from '../target/types.ts';
import { version } from '../version.ts';
import type { Host } from './host.ts';
import { storeRoot } from './prepare.ts';

/** Stands for the time in the text that is kept. */
const time = /in \d+(?:\.\d+s|m \d+s)(?=\s*$)/m;

/** True if nothing changed since the last build that was called like this one; its messages are printed then. */
export function repeatUnchanged(invocation: Invocation, host: Host): boolean {
  const saved = readUnchanged(directoryOf(invocation, host), keyOf(host), version);
  if (saved === null) return false;
  const took = elapsed(process.hrtime.bigint() - host.startedAt);
  if (saved.stdout !== '') host.terminal.stdout.write(saved.stdout);
  host.terminal.stderr.write(saved.stderr.replace(time, `in ${took}`));
  return true;
}

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
}

/** Keeps what a next call with nothing to do needs. */
export async function rememberUnchanged(finished: Finished): Promise<void> {
  const { invocation, host, workspace, session, sources, engine, target, lookup, options } = finished;
  // A page of timings is of one build.
  if (options.timings !== null) return;
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
    {
      watched: [...files, ...directories, ...sources.watched()],
      placed: target.placed(session.plan),
      ...terminal.text(),
    },
    host.startedOn,
  );
}

function directoryOf(invocation: Invocation, host: Host): string {
  return path.join(storeRoot(invocation, host.environment), 'nix', 'var', 'drydock', 'unchanged');
}

function keyOf({ argv, cwd, environment, terminal }: Host): string {
  const { stdout, stderr } = terminal;
  return callKey(argv, cwd, environment, `${stdout.isTerminal} ${stderr.isTerminal}`);
}

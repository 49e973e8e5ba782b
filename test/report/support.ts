/** Builds of small crates through every room, with the text that a user sees; and the same by cargo. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import type { Workspace } from '../../src/cargo/types.ts';
import { Delivery } from '../../src/cli/delivery.ts';
import { embeddedEngine } from '../../src/engine/embedded/engine.ts';
import type { EngineEvent } from '../../src/engine/types.ts';
import { Records } from '../../src/learn/records.ts';
import { Session } from '../../src/learn/session.ts';
import { planUnits } from '../../src/plan/plan.ts';
import type { Plan } from '../../src/plan/types.ts';
import { History } from '../../src/report/history.ts';
import { openReport } from '../../src/report/report.ts';
import { reportOptions } from '../../src/report/options.ts';
import { capturingTerminal } from '../../src/report/terminal.ts';
import type { Lookup } from '../../src/report/types.ts';
import { openStore } from '../../src/store/store.ts';
import { run } from '../../src/sys/run.ts';
import type { Places } from '../../src/target/places.ts';
import { openTarget } from '../../src/target/open.ts';
import { optionsFor, workspaceOf } from '../plan/support.ts';

/** Without what changes a build. rustup's own settings stay: they say which toolchain, and that none gets installed. */
export const environment: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !/^(CARGO_|RUST(?!UP_)|CI$|npm_|NODE)/.test(entry[0]),
  ),
);

/** Creates a directory with these files, for the test to remove. */
export function makeProject(files: Readonly<Record<string, string>>): string {
  const root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'drydock-report-')));
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), text);
  }
  return root;
}

export interface Seen {
  readonly stdout: string;
  readonly stderr: string;
  readonly ok: boolean;
}

export interface Built extends Seen {
  readonly workspace: Workspace;
  readonly plan: Plan;
  readonly events: readonly EngineEvent[];
  readonly places: Places;
}

/** Builds with the embedded engine; its store is `store`. */
export async function drydock(root: string, argv: readonly string[], store: string): Promise<Built> {
  const startedAt = process.hrtime.bigint();
  const workspace = await workspaceOf(root, argv, environment);
  const opened = await openStore(store);
  const records = new Records(path.join(store, 'records'), root);
  const options = await optionsFor(workspace);
  const planAgain = () => planUnits(workspace, { ...options, record: (id) => records.get(id) });
  const session = new Session(workspace, records, planAgain);
  const terminal = capturingTerminal();
  const target = await openTarget(workspace);
  const history = new History(target.places, workspace.root, () => session.plan);
  const lookup: Lookup = {
    plan: () => session.plan,
    unit: (key) => session.plan.units.find((unit) => unit.id === key),
    places: target.places,
    outputs: target.outputs,
    buildDir: workspace.buildDir,
    profile: workspace.profile,
    stale: (unit) => history.stale(unit),
  };
  const report = openReport(reportOptions(workspace, startedAt), lookup, terminal);
  const engine = embeddedEngine(opened, { environment });
  const events: EngineEvent[] = [];
  try {
    const delivery = new Delivery({ session, engine, target, report, history });
    await delivery.deliverValid();
    const on = (event: EngineEvent) => {
      events.push(event);
      delivery.on(event);
    };
    const realise = { jobs: 1, keepGoing: false };
    const outcomes = await engine.realise(session, realise, on, new AbortController().signal);
    await delivery.settled();
    const ok = [...outcomes.values()].every(({ status }) => status === 'built' || status === 'valid');
    if (ok) target.finish(session.plan);
    report.finish(ok);
    return { ...terminal.text(), ok, workspace, plan: session.plan, events, places: target.places };
  } finally {
    target.close();
    await opened.close();
  }
}

/** The same by cargo, one job at a time. `argv` begins with the verb. */
export async function cargo(root: string, argv: readonly string[]): Promise<Seen> {
  const env = { ...environment, CARGO_BUILD_JOBS: '1' };
  const result = await run('cargo', argv, { cwd: root, env });
  return { stdout: result.stdout.toString(), stderr: result.stderr.toString(), ok: result.code === 0 };
}

/** Text without what differs from build to build: times, identities, and what is written down as intended. */
export function normal(text: string): string {
  return text
    .replace(/^.*Blocking.* waiting for file lock on package cache.*\n/gm, '')
    .replace(/ -C metadata=[0-9a-f]{16}/g, '')
    .replace(/ -C incremental=[^ `]+/g, '')
    .replace(/ CARGO_PRIMARY_PACKAGE=1/g, '')
    .replace(/ CARGO_PKG_(?:DESCRIPTION|HOMEPAGE|REPOSITORY|LICENSE|LICENSE_FILE|AUTHORS|RUST_VERSION|README)=''/g, '')
    .replace(/ LD_LIBRARY_PATH=('[^']*'|[^ ]+)/g, '')
    .replace(/ in \d+(\.\d+s|m \d+s)$/gm, ' in TIME')
    .replace(/-[0-9a-f]{16}/g, '-IDENTITY');
}

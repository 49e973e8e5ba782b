/** The Nix engine: derivations are built by a Nix daemon, as a user whom it need not trust. */
import type { DrvPath, StorePath } from '../../nix/types.ts';
import { graphOf, unbuilt } from '../graph.ts';
import { noJobserver } from '../jobserver.ts';
import { schedule } from '../scheduler.ts';
import { makeSlots } from '../slots.ts';
import type { Engine, Goal, GoalKey, GoalSource, Outcome, RealiseOptions } from '../types.ts';
import { rootOf } from './address.ts';
import { hostPaths, ownMounts } from './own-store.ts';
import { Batch } from './batch.ts';
import { daemonExecutor } from './build.ts';
import type { Connection } from './connection.ts';
import type { Dialer } from './dialer.ts';
import { Inputs } from './inputs.ts';
import { Outputs } from './outputs.ts';
import { makePool } from './pool.ts';
import { RemoteStore } from './remote-store.ts';
import { keepPaths } from './roots.ts';
import { checkSandbox } from './sandbox-check.ts';
import { DaemonState } from './state.ts';

export interface DaemonOptions {
  /** Whoever gives it closes it. */
  readonly dialer: Dialer;
  /** This user's directory for logs and marks; made when first written to. */
  readonly stateDirectory: string;
  /** Further settings for the daemon, as on nix's command line; of an untrusted user it takes few. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface DaemonEngine extends Engine {
  /**
   * Keeps paths from being collected as long as `link`, a symlink that is made here, exists; by name, and names that were
   * kept by this link before and are not given now are kept on. Does nothing for a store on another machine.
   */
  keep(link: string, paths: ReadonlyMap<string, StorePath>): Promise<void>;
  /** What the daemon says of a valid path; null: it is not valid. */
  info(path: StorePath): ReturnType<RemoteStore['info']>;
  /** Ends its connection; what was built for it is then no longer kept from being collected. */
  close(): void;
}

/** What a build begins with, done once for it. */
interface Begun {
  readonly inputs: Inputs;
  readonly batch: Batch | null;
  /** Derivations that are built by calls of their own. */
  readonly others: readonly DrvPath[];
  readonly system: string;
}

/** Connects when first asked for something. Every method rejects with a `UserError` where there is no daemon. */
export function daemonEngine({ dialer, stateDirectory, settings = {} }: DaemonOptions): DaemonEngine {
  const { address } = dialer;
  let opened: Promise<{ readonly connection: Connection; readonly store: RemoteStore }> | null = null;
  const open = () => {
    opened ??= dialer.open().then((connection) => ({ connection, store: new RemoteStore(connection) }));
    return opened;
  };
  const store = async () => (await open()).store;
  const state = new DaemonState(stateDirectory);
  const outputs = new Outputs(address, state, store);
  const valid = (paths: readonly StorePath[]) => outputs.usable(paths);

  const begin = async (source: GoalSource): Promise<Begun> => {
    const { connection, store: remote } = await open();
    const inputs = new Inputs(remote);
    const goals = source.goals();
    inputs.learn(goals.values());
    const there = await valid([...goals.values()].map((goal) => goal.sealed.outPath));
    const wanted = [...unbuilt(graphOf(goals), there)].flatMap((key) => goals.get(key) ?? []);
    const batch = batchOf(remote, wanted);
    const others = wanted.map((goal) => goal.sealed.drvPath).filter((drvPath) => batch?.has(drvPath) !== true);
    await inputs.ask(wanted);
    // Those of a batch come first.
    if (batch === null) inputs.addAhead(others);
    await connection.sent();
    return { inputs, batch, others, system: wanted[0]?.sealed.derivation.system ?? '' };
  };
  let begun: Promise<Begun> | null = null;

  const realise = async (
    source: GoalSource,
    { jobs, keepGoing, valid: known }: RealiseOptions,
    on: Parameters<Engine['realise']>[2],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<GoalKey, Outcome>> => {
    const remote = await store();
    const { inputs, batch, others, system } = await (begun ?? begin(source));
    begun = null;
    const common = {
      keepGoing: false,
      cores: jobs,
      useSubstitutes: true,
      // What another user builds is looked for again after this many seconds; Nix's own choice is 5.
      overrides: { 'build-poll-interval': '1', ...(address.kind === 'own' ? hostPaths([]) : {}), ...settings },
    };
    const pool = makePool(dialer, { ...common, maxJobs: 1 });
    const batchPool = makePool(dialer, { ...common, maxJobs: overlapping(jobs) });
    const batched: Connection[] = [];
    let over = false;
    const openBatch = async () => {
      const connection = await batchPool.take();
      if (over) connection.close();
      batched.push(connection);
      return connection;
    };
    const watched: GoalSource = {
      goals() {
        const goals = source.goals();
        inputs.learn(goals.values());
        return goals;
      },
      inspect: (goal, exit) => source.inspect(goal, exit),
    };
    try {
      let checked: Promise<void> | null = null;
      void batch?.run(openBatch, inputs);
      inputs.addAhead(others);
      const executor = daemonExecutor({
        pool,
        batch,
        inputs,
        outputs,
        state,
        ownMounts: address.kind === 'own' ? ownMounts(dialer, { ...common, maxJobs: 1 }) : null,
        checkSandbox: () => (checked ??= checkSandbox(remote, pool, system)),
      });
      const slots = makeSlots(jobs, noJobserver);
      return await schedule({ source: watched, executor, slots, valid, known, keepGoing, on, signal });
    } finally {
      pool.close();
      over = true;
      for (const connection of batched) connection.close();
    }
  };

  return {
    valid,
    async expect(source) {
      begun = begin(source);
      // Whoever builds learns why it failed.
      await begun.catch(() => {});
    },
    realise,
    hostPath: (path) => outputs.hostPath(path),
    // What target/ shows of a Nix store are copies.
    renew: () => Promise.resolve(),
    log: (drvPath: DrvPath) => Promise.resolve(state.readLog(drvPath)),
    async keep(link, paths) {
      const root = rootOf(address);
      if (root !== null) await keepPaths(await store(), root, link, paths);
    },
    info: async (path) => (await store()).info(path),
    close() {
      void opened?.then(
        ({ connection }) => connection.close(),
        () => {},
      );
      opened = null;
    },
  };
}

/** A worker of the daemon's starts nothing while it hashes an output: one builder more keeps the processors busy then. */
function overlapping(jobs: number): number {
  return jobs > 1 ? jobs + 1 : jobs;
}

/** The pure lane's goals, if there is more than one: a call for all of them. */
function batchOf(store: RemoteStore, wanted: readonly Goal[]): Batch | null {
  const pure = wanted.filter((goal) => goal.lane === 'pure');
  return pure.length > 1 ? new Batch(store, pure) : null;
}

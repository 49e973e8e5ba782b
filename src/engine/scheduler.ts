/**
 * Builds goals in the order of their needs: a goal starts as soon as every need is there in the stage it asks for, the
 * most urgent first. Knows nothing of sandboxes and stores.
 */
import type { StorePath } from '../nix/types.ts';
import type { Attempt, AttemptEnd, Executor } from './executor.ts';
import { type GoalGraph, graphOf, unbuilt } from './graph.ts';
import { type Preparation, makePreparation } from './preparation.ts';
import type { Slots } from './slots.ts';
import { type Task, makeTask } from './task.ts';
import { type Turn, makeTurn } from './turn.ts';
import type { EngineEvent, Goal, GoalKey, GoalSource, Outcome } from './types.ts';

export interface Schedule {
  readonly source: GoalSource;
  readonly executor: Executor;
  readonly slots: Slots;
  readonly valid: (paths: readonly StorePath[]) => Promise<ReadonlySet<StorePath>>;
  /** What `valid` would answer of all goals now; undefined: it is asked. */
  readonly known?: ReadonlySet<StorePath> | undefined;
  readonly keepGoing: boolean;
  readonly on: (event: EngineEvent) => void;
  readonly signal: AbortSignal;
}

/** Runs a build to its end: when it resolves (or rejects), no attempt is under way any more. */
export function schedule(request: Schedule): Promise<ReadonlyMap<GoalKey, Outcome>> {
  return new Scheduler(request).run();
}

/** A goal that is planned anew this often learns nothing: its planner has a bug. */
const mostReplans = 50;

class Scheduler {
  readonly #request: Schedule;
  readonly #preparation: Preparation = makePreparation();
  #graph: GoalGraph;
  #tasks = new Map<GoalKey, Task>();
  /** Attempts under way, also those that are being dropped. */
  readonly #running = new Set<Promise<void>>();
  /** Set once: no new attempts. `failed`: some goal failed, and the rest of those under way may end. */
  #stop: 'failed' | 'cancelled' | null = null;
  #crash: { readonly error: unknown } | null = null;
  #replanning: Promise<void> = Promise.resolve();

  constructor(request: Schedule) {
    this.#request = request;
    this.#graph = graphOf(request.source.goals());
  }

  async run(): Promise<ReadonlyMap<GoalKey, Outcome>> {
    await this.#adopt(this.#graph, this.#request.known);
    const cancel = () => this.#cancelAll();
    this.#request.signal.addEventListener('abort', cancel, { once: true });
    if (this.#request.signal.aborted) cancel();
    this.#startReady();
    while (this.#running.size > 0) await Promise.race(this.#running);
    this.#request.signal.removeEventListener('abort', cancel);
    if (this.#crash !== null) throw this.#crash.error;
    return this.#outcomes();
  }

  /** Takes a graph over: tasks whose derivation is unchanged stay as they are, all others begin anew. */
  async #adopt(graph: GoalGraph, known?: ReadonlySet<StorePath>): Promise<void> {
    const asked = [...graph.goals.values()].map((goal) => goal.sealed.outPath);
    const valid = known ?? (await this.#request.valid(asked));
    const wanted = unbuilt(graph, valid);
    const tasks = new Map<GoalKey, Task>();
    for (const [key, goal] of graph.goals) {
      const old = this.#tasks.get(key);
      if (old !== undefined && old.goal.sealed.drvPath === goal.sealed.drvPath) {
        old.goal = goal;
        old.wanted ||= wanted.has(key);
        tasks.set(key, old);
        continue;
      }
      old?.drop('replanned');
      const task = makeTask(goal, old?.replans ?? 0);
      task.wanted = wanted.has(key);
      if (valid.has(goal.sealed.outPath)) task.settle({ status: 'valid' });
      tasks.set(key, task);
      if (task.outcome !== null && old?.wanted === true) this.#ended(task, task.outcome);
    }
    for (const [key, old] of this.#tasks) if (!tasks.has(key)) old.drop('replanned');
    this.#graph = graph;
    this.#tasks = tasks;
  }

  #startReady(): void {
    if (this.#stop !== null) return;
    for (const task of this.#tasks.values()) {
      if (task.wanted && task.state === 'waiting' && this.#needsMet(task.goal)) this.#start(task);
    }
  }

  #urgencyOf(key: GoalKey): number {
    return this.#graph.urgency.get(key) ?? 0;
  }

  /** Urgency of the most urgent goal that waits for this one. */
  #nextAfter(key: GoalKey): number {
    const next = (this.#graph.dependents.get(key) ?? []).map((dependent) => this.#taskOf(dependent));
    const waiting = next.filter((task) => task.wanted && task.state === 'waiting');
    return Math.max(0, ...waiting.map((task) => this.#urgencyOf(task.goal.key)));
  }

  #needsMet(goal: Goal): boolean {
    return goal.needs.every((need) => {
      const task = this.#taskOf(need.key);
      return task.isValid() || (need.stage === 'early' && task.earlyLocations !== null);
    });
  }

  #start(task: Task): void {
    task.state = 'running';
    const attempt = this.#attempt(task).catch((error: unknown) => {
      // A bug, or something that ends the whole build: what else runs is stopped, then `run` rejects with it.
      this.#crash ??= { error };
      this.#cancelAll();
    });
    this.#running.add(attempt);
    void attempt.finally(() => this.#running.delete(attempt));
  }

  async #attempt(task: Task): Promise<void> {
    const abort = new AbortController();
    task.abort = abort;
    const turn = makeTurn(this.#preparation, this.#request.slots, this.#urgencyOf(task.goal.key), abort.signal);
    const unlessEnding = async (turning: Promise<void>) => {
      await turning;
      if (this.#stop !== null) abort.abort(new Error('the build is ending'));
      abort.signal.throwIfAborted();
    };
    try {
      let end: AttemptEnd = { status: 'dropped' };
      try {
        await unlessEnding(turn.prepare());
        end = await this.#request.executor.build(this.#attemptOf(task, abort.signal, turn, unlessEnding));
      } catch (error) {
        if (!abort.signal.aborted) throw error;
      }
      await this.#conclude(task, end, abort.signal.aborted);
    } finally {
      // What has become ready by this end competes for the slot, although it has to prepare first.
      await this.#preparation.passed(() => this.#request.slots.waiting());
      turn.pause();
    }
  }

  #attemptOf(
    task: Task,
    signal: AbortSignal,
    turn: Turn,
    unlessEnding: (turning: Promise<void>) => Promise<void>,
  ): Attempt {
    const { source, on } = this.#request;
    const { goal } = task;
    const { key } = goal;
    /** Facts of an attempt that was dropped concern nobody. */
    const say = (event: EngineEvent) => {
      if (!signal.aborted) on(event);
    };
    return {
      goal,
      inputs: goal.needs.map((need) => {
        const input = this.#taskOf(need.key);
        return { goal: input.goal, stage: need.stage, locations: input.isValid() ? null : input.earlyLocations };
      }),
      signal,
      started: () => say({ type: 'started', key }),
      line: (line) => say({ type: 'line', key, line }),
      early: (locations) => {
        if (signal.aborted || task.earlyLocations !== null) return;
        task.earlyLocations = locations;
        on({ type: 'early', key });
        this.#startReady();
      },
      stateDropped: (directory) => say({ type: 'state-dropped', key, directory }),
      mountsRefused: (what, reason) => say({ type: 'mounts-refused', key, what, reason }),
      waitingForLock: () => say({ type: 'waiting-for-lock', key }),
      mayRun: () => unlessEnding(turn.run()),
      hasRun: () => {
        if ((this.#request.slots.waiting() ?? -1) >= this.#nextAfter(key)) turn.pause();
      },
      pause: () => turn.pause(),
      resume: () => unlessEnding(turn.resume()),
      inspect: (exit) => source.inspect(goal, exit),
      inputsValid: async () => {
        const inputs = goal.needs.map((need) => this.#taskOf(need.key));
        if (inputs.some((input) => !input.isValid())) turn.pause();
        const settled = await Promise.all(inputs.map((input) => input.whole));
        return settled.every(Boolean);
      },
    };
  }

  async #conclude(task: Task, end: AttemptEnd, aborted: boolean): Promise<void> {
    if (this.#tasks.get(task.goal.key) !== task) {
      // Planned anew while it ran: its successor is a task of its own.
      this.#startReady();
      return;
    }
    if (end.status === 'replanned' && !aborted) {
      const turn = this.#replanning.then(() => this.#replan(task));
      this.#replanning = turn.catch(() => {});
      await turn;
      return;
    }
    if (end.status === 'dropped' || end.status === 'replanned' || (aborted && end.status === 'failed')) {
      this.#finish(
        task,
        this.#stop === 'cancelled' ? { status: 'cancelled' } : (this.#failedNeed(task) ?? { status: 'cancelled' }),
      );
      return;
    }
    this.#finish(task, end);
  }

  async #replan(task: Task): Promise<void> {
    task.replans++;
    const graph = graphOf(this.#request.source.goals());
    const next = graph.goals.get(task.goal.key);
    if (next?.sealed.drvPath === task.goal.sealed.drvPath || task.replans > mostReplans) {
      this.#finish(task, {
        status: 'failed',
        reason: { kind: 'inspection', message: 'planned again and again without coming to an end' },
      });
      return;
    }
    await this.#adopt(graph);
    this.#startReady();
  }

  #finish(task: Task, outcome: Outcome): void {
    if (task.outcome !== null) return;
    task.settle(outcome);
    this.#ended(task, outcome);
    if (outcome.status === 'failed' || outcome.status === 'dependency-failed') this.#failDependents(task);
    if (outcome.status === 'failed' && !this.#request.keepGoing) this.#stop ??= 'failed';
    if (outcome.status === 'built' || outcome.status === 'valid' || this.#request.keepGoing) this.#startReady();
  }

  /** Those that wait for it will never start; those that started on its early file are killed. */
  #failDependents(task: Task): void {
    for (const key of this.#graph.dependents.get(task.goal.key) ?? []) {
      const dependent = this.#taskOf(key);
      if (!dependent.wanted || dependent.outcome !== null) continue;
      if (dependent.state === 'running') dependent.drop('input-failed');
      else this.#finish(dependent, { status: 'dependency-failed', key: task.goal.key });
    }
  }

  #failedNeed(task: Task): Outcome | null {
    for (const need of task.goal.needs) {
      const { outcome } = this.#taskOf(need.key);
      if (outcome?.status === 'failed' || outcome?.status === 'dependency-failed') {
        return { status: 'dependency-failed', key: need.key };
      }
    }
    return null;
  }

  #cancelAll(): void {
    this.#stop = 'cancelled';
    for (const task of this.#tasks.values()) if (task.state === 'running') task.drop('cancelled');
  }

  #ended(task: Task, outcome: Outcome): void {
    this.#request.on({ type: 'ended', key: task.goal.key, outcome });
  }

  #taskOf(key: GoalKey): Task {
    const task = this.#tasks.get(key);
    if (task === undefined) throw new Error(`no goal ${key}`);
    return task;
  }

  /** How each goal ended. Goals that only valid goals need and that are not there themselves are left out. */
  #outcomes(): ReadonlyMap<GoalKey, Outcome> {
    const outcomes = new Map<GoalKey, Outcome>();
    for (const [key, task] of this.#tasks) {
      if (task.outcome === null && task.wanted) this.#finish(task, this.#failedNeed(task) ?? { status: 'cancelled' });
      if (task.outcome !== null) outcomes.set(key, task.outcome);
    }
    return outcomes;
  }
}

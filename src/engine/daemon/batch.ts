/**
 * Many derivations in one call, with the daemon's own parallelism, its substituters and its remote builders: the way of
 * the pure lane. A call costs the daemon the start of its build hook, and only within one call are its limits one.
 */
import type { DrvPath } from '../../nix/types.ts';
import { buildPathsWithResults } from '../../nix/worker-protocol.ts';
import { type WorkerMessage, activities, activityResults, readBuildResults } from '../../nix/worker-replies.ts';
import type { Attempt } from '../executor.ts';
import type { Goal } from '../types.ts';
import { Job } from './job.ts';
import { logLine } from './log-line.ts';
import type { Connection } from './connection.ts';
import { type Ended, endedOf } from './ended.ts';
import { Refusal } from './failures.ts';
import type { Inputs } from './inputs.ts';
import type { RemoteStore } from './remote-store.ts';

export class Batch {
  readonly #store: RemoteStore;
  readonly #jobs = new Map<DrvPath, Job>();
  readonly #byActivity = new Map<number, Job>();
  /** The activity that counts builds, and how many have ended well by its count. */
  #counter = -1;
  #done = 0;
  /** Of these, how many are known. */
  #settled = 0;
  #looking: Promise<void> | null = null;
  #lookAgain = false;

  constructor(store: RemoteStore, goals: readonly Goal[]) {
    this.#store = store;
    for (const { sealed } of goals) this.#jobs.set(sealed.drvPath, new Job(sealed));
  }

  has(drvPath: DrvPath): boolean {
    return this.#jobs.has(drvPath);
  }

  /** Builds all; never rejects: what goes wrong reaches those who wait. */
  async run(open: () => Promise<Connection>, inputs: Inputs): Promise<void> {
    try {
      const drvPaths = [...this.#jobs.keys()];
      const refused = await Promise.all(drvPaths.map((drvPath) => inputs.add(drvPath)));
      // A source that has changed is told by the attempt that meets it, one by one.
      const ready = drvPaths.filter((_, index) => refused[index] === null);
      const connection = await open();
      const { minor } = connection.identity;
      const request = buildPathsWithResults(ready);
      const results = await connection.request(
        request,
        () => readBuildResults(minor),
        (message) => this.#listen(message),
      );
      for (const [path, result] of results) {
        this.#jobs.get(path.slice(0, path.indexOf('!')) as DrvPath)?.end(endedOf(result));
      }
    } catch (error) {
      if (!(error instanceof Refusal)) for (const job of this.#jobs.values()) job.fail(error);
    }
    for (const job of this.#jobs.values()) job.end('unfinished');
  }

  /** The facts of one derivation as those of an attempt. `unfinished`: it has to be built by a call of its own. */
  wait(attempt: Attempt, lines: string[]): Promise<Ended | 'unfinished'> {
    const job = this.#jobs.get(attempt.goal.sealed.drvPath);
    if (job === undefined) return Promise.resolve('unfinished');
    return job.follow(attempt, lines);
  }

  #listen(message: WorkerMessage): void {
    if (message.type === 'start' && message.activity === activities.build) {
      const job = this.#jobs.get(String(message.fields[0]) as DrvPath);
      if (job === undefined) return;
      this.#byActivity.set(message.id, job);
      job.start();
    }
    const line = logLine(message);
    if (line !== null) this.#byActivity.get(line.activity)?.line(line.text);
    // Until Nix 2.26 the end of a build is not told before the end of the call, but the number of those that ended is.
    if (message.type === 'start' && message.activity === activities.builds) this.#counter = message.id;
    if (message.type === 'result' && message.result === activityResults.progress && message.id === this.#counter) {
      const done = Number(message.fields[0]);
      if (done === this.#done) return;
      this.#done = done;
      this.#look();
    }
  }

  /** Finds out which of those that have started are valid. */
  #look(): void {
    if (this.#looking !== null) {
      this.#lookAgain = true;
      return;
    }
    const running = [...this.#byActivity.values()].filter((job) => !job.ended);
    if (running.length === 0) return;
    this.#looking = this.#store
      .valid(running.map((job) => job.outPath))
      .then((valid) => {
        const ended = running.filter((job) => valid.has(job.outPath));
        // More are valid than were counted: the last lines of one of them may still be on their way.
        if (this.#settled + ended.length > this.#done) return;
        this.#settled += ended.length;
        for (const job of ended) job.end({ ok: true, built: true });
      })
      // The call itself fails then, and says why.
      .catch(() => {})
      .finally(() => {
        this.#looking = null;
        if (!this.#lookAgain) return;
        this.#lookAgain = false;
        this.#look();
      });
  }
}

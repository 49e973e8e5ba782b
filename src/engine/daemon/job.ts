/** One derivation of a batch: what has happened to it so far, and who listens. */
import type { SealedDerivation, StorePath } from '../../nix/types.ts';
import type { Attempt } from '../executor.ts';
import type { Ended } from './ended.ts';

export class Job {
  readonly outPath: StorePath;
  ended = false;
  readonly #lines: string[] = [];
  #started = false;
  #attempt: Attempt | null = null;
  #into: string[] = [];
  #resolve: (end: Ended | 'unfinished') => void = () => {};
  #reject: (error: unknown) => void = () => {};
  readonly #end: Promise<Ended | 'unfinished'>;

  constructor({ outPath }: SealedDerivation) {
    this.outPath = outPath;
    this.#end = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Nobody may ever wait for it.
    this.#end.catch(() => {});
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#attempt?.started();
  }

  line(line: string): void {
    this.#lines.push(line);
    this.#into.push(line);
    this.#attempt?.line(line);
  }

  /** The first end counts. */
  end(end: Ended | 'unfinished'): void {
    if (this.ended) return;
    this.ended = true;
    if (end !== 'unfinished' && !end.ok) this.start();
    this.#resolve(end);
  }

  fail(error: unknown): void {
    if (this.ended) return;
    this.ended = true;
    this.#reject(error);
  }

  /** Tells the attempt all that has happened, then what happens. `lines`: gets the log. */
  async follow(attempt: Attempt, lines: string[]): Promise<Ended | 'unfinished'> {
    if (this.#started) attempt.started();
    for (const line of this.#lines) {
      lines.push(line);
      attempt.line(line);
    }
    this.#attempt = attempt;
    this.#into = lines;
    const aborted = new Promise<'unfinished'>((resolve) => {
      attempt.signal.addEventListener('abort', () => resolve('unfinished'), { once: true });
    });
    return Promise.race([this.#end, aborted]);
  }
}

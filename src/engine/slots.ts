/** Who may run now: at most `-j N` runners, each with a job token, the most urgent first. */
import type { Jobserver } from './jobserver.ts';
import { makeQueue } from './queue.ts';

export interface Slot {
  /** Gives the slot back; twice is harmless. */
  release(): void;
}

export interface Slots {
  /** Resolves when the caller may run. Rejects with the signal's reason. */
  acquire(urgency: number, signal: AbortSignal): Promise<Slot>;
  /** Runners at this moment. */
  running(): number;
  /** Urgency of the most urgent one that waits; null: nobody does. */
  waiting(): number | null;
}

/** How often the fifo is looked at while somebody waits for a token that a compiler holds. */
const pollMilliseconds = 4;

export function makeSlots(jobs: number, jobserver: Jobserver): Slots {
  let running = 0;
  let timer: NodeJS.Timeout | null = null;

  const grantOne = (): boolean => {
    if (queue.first() === null || running >= jobs) return false;
    // One runner needs no token of the fifo, whichever it is: when others end, theirs go back to where compilers find them.
    if (running > 0 && !jobserver.take()) return false;
    running++;
    let held = true;
    queue.serve({
      release() {
        if (!held) return;
        held = false;
        running--;
        if (running > 0) jobserver.give();
        else jobserver.refill();
        pump();
      },
    });
    return true;
  };
  const pump = () => {
    while (grantOne());
    const wanting = queue.first() !== null && running < jobs;
    if (wanting && timer === null) {
      timer = setTimeout(() => {
        timer = null;
        pump();
      }, pollMilliseconds);
    }
  };
  const queue = makeQueue<Slot>(pump);
  return {
    running: () => running,
    waiting: () => queue.first(),
    acquire: (urgency, signal) => queue.wait(urgency, signal),
  };
}

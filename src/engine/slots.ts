/** Who may run now: at most `-j N` runners, each with a job token, the most urgent first. */
import type { Jobserver } from './jobserver.ts';

export interface Slot {
  /** Gives the slot back; twice is harmless. */
  release(): void;
}

export interface Slots {
  /** Resolves when the caller may run. Rejects with the signal's reason. */
  acquire(urgency: number, signal: AbortSignal): Promise<Slot>;
  /** Runners at this moment. */
  running(): number;
}

/** One runner's right to run, given back and taken again while it waits for other things. */
export interface Turn {
  take(): Promise<void>;
  give(): void;
}

export function makeTurn(slots: Slots, urgency: number, signal: AbortSignal): Turn {
  let slot: Slot | null = null;
  return {
    async take() {
      slot ??= await slots.acquire(urgency, signal);
    },
    give() {
      slot?.release();
      slot = null;
    },
  };
}

interface Waiter {
  readonly urgency: number;
  readonly grant: (slot: Slot) => void;
}

/** How often the fifo is looked at while somebody waits for a token that a compiler holds. */
const pollMilliseconds = 4;

export function makeSlots(jobs: number, jobserver: Jobserver): Slots {
  const waiters: Waiter[] = [];
  let running = 0;
  let implicitFree = true;
  let timer: NodeJS.Timeout | null = null;

  const grantOne = (): boolean => {
    if (waiters.length === 0 || running >= jobs) return false;
    const implicit = implicitFree;
    if (!implicit && !jobserver.take()) return false;
    if (implicit) implicitFree = false;
    running++;
    let held = true;
    const slot: Slot = {
      release() {
        if (!held) return;
        held = false;
        running--;
        if (implicit) implicitFree = true;
        else jobserver.give();
        if (running === 0) jobserver.refill();
        pump();
      },
    };
    waiters.shift()?.grant(slot);
    return true;
  };
  const pump = () => {
    while (grantOne());
    const wanting = waiters.length > 0 && running < jobs;
    if (wanting && timer === null) {
      timer = setTimeout(() => {
        timer = null;
        pump();
      }, pollMilliseconds);
    }
  };

  return {
    running: () => running,
    acquire(urgency, signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) {
          reject(signal.reason);
          return;
        }
        const abort = () => {
          const at = waiters.indexOf(waiter);
          if (at >= 0) waiters.splice(at, 1);
          reject(signal.reason);
        };
        const waiter: Waiter = {
          urgency,
          grant(slot) {
            signal.removeEventListener('abort', abort);
            resolve(slot);
          },
        };
        signal.addEventListener('abort', abort, { once: true });
        const behind = waiters.findIndex((other) => other.urgency < urgency);
        waiters.splice(behind < 0 ? waiters.length : behind, 0, waiter);
        // In the next turn: all that become ready together are compared before the first is let in.
        queueMicrotask(pump);
      });
    },
  };
}

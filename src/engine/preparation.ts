/**
 * Who may prepare to run: inputs are brought in and sandboxes filled while others run, so that a slot which becomes free
 * is used at once. Only a few are ready ahead of their turn, and whoever is more urgent than these goes past them.
 */
import { makeQueue } from './queue.ts';

export interface Place {
  /** Prepared: it waits for a slot. */
  ready(): void;
  /** It runs, or waits for something else; twice is harmless. */
  leave(): void;
}

export interface Preparation {
  /** Resolves when the caller may prepare. Rejects with the signal's reason. */
  enter(urgency: number, signal: AbortSignal): Promise<Place>;
  /** Resolves when nobody more urgent than `urgency()` prepares, or waits to; null: there is nobody to compare with. */
  passed(urgency: () => number | null): Promise<void>;
}

interface Holder {
  readonly urgency: number;
}

/** Preparing is work of this process, which does one thing at a time: two overlap in their waiting for the disk. */
const atOnce = 2;
const ahead = 2;

export function makePreparation(): Preparation {
  const preparing = new Set<Holder>();
  const ready = new Set<Holder>();
  const changes: (() => void)[] = [];

  const admits = (urgency: number) =>
    preparing.size < atOnce && (ready.size < ahead || [...ready].every((other) => other.urgency < urgency));
  const pump = () => {
    for (let urgency = queue.first(); urgency !== null && admits(urgency); urgency = queue.first()) {
      queue.serve(makePlace(urgency));
    }
    for (const change of changes.splice(0)) change();
  };
  const queue = makeQueue<Place>(pump);
  const makePlace = (urgency: number): Place => {
    const self = { urgency };
    preparing.add(self);
    return {
      ready() {
        if (!preparing.delete(self)) return;
        ready.add(self);
        pump();
      },
      leave() {
        if (preparing.delete(self) || ready.delete(self)) pump();
      },
    };
  };
  return {
    enter: (urgency, signal) => queue.wait(urgency, signal),
    async passed(urgency) {
      for (;;) {
        const limit = urgency();
        const coming = Math.max(queue.first() ?? 0, ...[...preparing].map((other) => other.urgency));
        if (limit === null || coming <= limit) return;
        await new Promise<void>((resolve) => changes.push(resolve));
      }
    },
  };
}

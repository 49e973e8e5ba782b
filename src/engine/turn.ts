/** One attempt's way: it prepares, waits for a slot, runs, and gives back what it holds while it waits for other things. */
import type { Place, Preparation } from './preparation.ts';
import type { Slot, Slots } from './slots.ts';

export interface Turn {
  prepare(): Promise<void>;
  /** Takes the right to run; others may prepare then. */
  run(): Promise<void>;
  /** Gives back what it holds. */
  pause(): void;
  /** Takes again what it held. */
  resume(): Promise<void>;
}

export function makeTurn(preparation: Preparation, slots: Slots, urgency: number, signal: AbortSignal): Turn {
  let place: Place | null = null;
  let slot: Slot | null = null;
  let held: 'place' | 'slot' = 'place';
  const turn: Turn = {
    async prepare() {
      held = 'place';
      place ??= await preparation.enter(urgency, signal);
    },
    async run() {
      held = 'slot';
      place?.ready();
      slot ??= await slots.acquire(urgency, signal);
      place?.leave();
      place = null;
    },
    pause() {
      place?.leave();
      slot?.release();
      place = null;
      slot = null;
    },
    resume: () => (held === 'slot' ? turn.run() : turn.prepare()),
  };
  return turn;
}

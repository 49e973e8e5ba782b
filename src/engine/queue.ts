/** Those who wait for something, the most urgent first. */

export interface Queue<Value> {
  /** Resolves when its turn has come. Rejects with the signal's reason. */
  wait(urgency: number, signal: AbortSignal): Promise<Value>;
  /** Urgency of the first one; null: nobody waits. */
  first(): number | null;
  /** Lets the first one go on with `value`. */
  serve(value: Value): void;
}

/** `onWait` is called after somebody began to wait, once all that became ready together have done so. */
export function makeQueue<Value>(onWait: () => void): Queue<Value> {
  const waiters: { readonly urgency: number; readonly grant: (value: Value) => void }[] = [];
  return {
    first: () => waiters[0]?.urgency ?? null,
    serve: (value) => waiters.shift()?.grant(value),
    wait(urgency, signal) {
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
        const waiter = {
          urgency,
          grant(value: Value) {
            signal.removeEventListener('abort', abort);
            resolve(value);
          },
        };
        signal.addEventListener('abort', abort, { once: true });
        const behind = waiters.findIndex((other) => other.urgency < urgency);
        waiters.splice(behind < 0 ? waiters.length : behind, 0, waiter);
        queueMicrotask(onWait);
      });
    },
  };
}

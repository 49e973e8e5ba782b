/** How many jobs run at once (`-j`, `build.jobs`, "Cargo configuration" in the Cargo book). */
import { availableParallelism } from 'node:os';
import type { Workspace } from '../cargo/types.ts';

/** A positive number counts jobs, a negative one leaves that many processors free, `default` is the number of processors. */
export function concurrency({ invocation, config }: Workspace): number {
  const processors = availableParallelism();
  const asked = invocation.jobs ?? config.get('build.jobs');
  const count = Number(asked);
  if (asked === undefined || asked === null || !Number.isInteger(count) || count === 0) return processors;
  return count > 0 ? count : Math.max(1, processors + count);
}

/** The embedded engine: our sandbox, our store, no Nix on the machine. */
import type { StorePath } from '../../nix/types.ts';
import type { Store } from '../../store/types.ts';
import { keepInheritedFiles } from '../../sys/descriptors.ts';
import { graphOf, unbuilt } from '../graph.ts';
import { openJobserver } from '../jobserver.ts';
import { schedule } from '../scheduler.ts';
import { makeSlots } from '../slots.ts';
import type { Engine, Goal, GoalKey, Outcome } from '../types.ts';
import { embeddedExecutor } from './build.ts';
import { findBwrap } from './bwrap.ts';
import { derivationRecorder } from './derivations.ts';
import { makePlaces } from './places.ts';
import type { Isolation } from './sandbox.ts';
import { sourceAdder } from './sources.ts';

export interface EmbeddedOptions {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Told once when the sandbox is off; default: a line on stderr. */
  readonly warn?: (message: string) => void;
}

/** An engine on an open store, which stays the caller's to close. Nothing is looked for before something must be built. */
export function embeddedEngine(store: Store, options: EmbeddedOptions = {}): Engine {
  const environment = options.environment ?? process.env;
  const isolation: Isolation = environment['DRYDOCK_SANDBOX'] === 'off' ? 'mounts-only' : 'full';
  const warn = options.warn ?? ((message: string) => void process.stderr.write(`${message}\n`));
  const valid = (paths: readonly StorePath[]) => Promise.resolve(store.valid(paths));
  return {
    valid,
    hostPath: (path) => store.hostPath(path),
    renew: (path) => store.renew(path),
    log: (drvPath) => store.readLog(drvPath),
    async realise(source, { jobs, keepGoing, valid: known }, on, signal) {
      const goals = source.goals();
      const needed = firstNeeded(goals, known ?? store.valid([...goals.values()].map((goal) => goal.sealed.outPath)));
      if (needed.path === null) return needed.outcomes;

      const bwrap = findBwrap(environment['PATH']);
      if (isolation === 'mounts-only') {
        warn('warning: DRYDOCK_SANDBOX=off: builders see the whole host and its network; for measurements only');
      }
      await keepInheritedFiles();
      await store.hold({ signal });
      const places = await makePlaces(store, needed.path);
      const removals = new Set<Promise<void>>();
      try {
        const jobserver = await openJobserver(places.jobserver, jobs);
        try {
          const later = (work: Promise<void>) => {
            const settled = work.finally(() => removals.delete(settled));
            removals.add(settled);
          };
          const sources = sourceAdder(store);
          const derivations = derivationRecorder(store);
          const executor = embeddedExecutor({
            ...{ store, places, sources, bwrap, isolation, later },
            cores: jobs,
            built: (derivation) => derivations.built(derivation),
          });
          const slots = makeSlots(jobs, jobserver);
          const outcomes = await schedule({ source, executor, slots, valid, known, keepGoing, on, signal });
          await derivations.settled();
          return outcomes;
        } finally {
          jobserver.close();
        }
      } finally {
        await Promise.all(removals);
        await places.remove();
      }
    },
  };
}

/** The output of some goal that has to be built; none: how all of them ended already. */
function firstNeeded(
  goals: ReadonlyMap<GoalKey, Goal>,
  valid: ReadonlySet<StorePath>,
): { readonly path: StorePath } | { readonly path: null; readonly outcomes: ReadonlyMap<GoalKey, Outcome> } {
  const [first] = unbuilt(graphOf(goals), valid);
  const goal = first === undefined ? undefined : goals.get(first);
  if (goal !== undefined) return { path: goal.sealed.outPath };
  const outcomes = new Map<GoalKey, Outcome>();
  for (const [key, { sealed }] of goals) if (valid.has(sealed.outPath)) outcomes.set(key, { status: 'valid' });
  return { path: null, outcomes };
}

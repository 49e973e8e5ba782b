/** The last line of a build that ended well. */
import type { Plan } from '../plan/types.ts';

/** `` `dev` profile [unoptimized + debuginfo] target(s) `` without the time. `link`: makes the profile a link. */
export function finishedText(profile: string, plan: Plan, link: (text: string) => string = (text) => text): string {
  const { optimized, debuginfo } = usualProfile(plan);
  const words = `${optimized ? 'optimized' : 'unoptimized'}${debuginfo ? ' + debuginfo' : ''}`;
  return `${link(`\`${profile}\` profile [${words}]`)} target(s)`;
}

/** `0.52s`, `1m 05s`. */
export function elapsed(nanoseconds: bigint): string {
  const seconds = nanoseconds / 1_000_000_000n;
  if (seconds >= 60n) return `${seconds / 60n}m ${String(seconds % 60n).padStart(2, '0')}s`;
  return `${seconds}.${String((nanoseconds % 1_000_000_000n) / 10_000_000n).padStart(2, '0')}s`;
}

/**
 * The unit graph tells the profile of each unit, overrides applied, but not the profile that was asked for: it is that
 * of most units that were asked for. Cargo, too, describes the profile without overrides.
 */
function usualProfile(plan: Plan): { readonly optimized: boolean; readonly debuginfo: boolean } {
  const votes = new Map<string, number>();
  const built = plan.units.filter(({ unit, root }) => root && unit.mode !== 'run-custom-build');
  for (const { unit } of [...built, ...plan.docTests]) {
    const { opt_level: level, debuginfo: debug } = unit.profile;
    const vote = `${level !== '0'},${debug !== null && debug !== 0 && debug !== 'none'}`;
    votes.set(vote, (votes.get(vote) ?? 0) + 1);
  }
  const [winner] = [...votes].sort(([, a], [, b]) => b - a)[0] ?? ['false,true'];
  return { optimized: winner.startsWith('true'), debuginfo: winner.endsWith('true') };
}

/** Run as a program, by whichever user: builds the goals that stdin describes, prints how each ended and its log. */
import { readFileSync } from 'node:fs';
import { type GoalSpec, makeGoals, makeLab } from './helpers.ts';

export interface ProbeResult {
  readonly status: string;
  readonly reason: unknown;
  readonly lines: readonly string[];
  readonly outPath: string;
  readonly hostPath: string;
}

const specs = JSON.parse(readFileSync(0, 'utf8')) as Record<string, GoalSpec>;
const lab = await makeLab(process.env['HOME'], process.env['PROBE_DIRECTORY']);
const goals = makeGoals(specs);
const build = await lab.build(goals, {
  keepGoing: true,
  onEvent: (event) => {
    if (event.type === 'line' && event.line === 'READY') process.stderr.write('READY\n');
  },
});
const results: Record<string, ProbeResult> = {};
for (const [key, outcome] of build.outcomes) {
  const { outPath } = goals.get(key)!.sealed;
  const reason = 'reason' in outcome ? outcome.reason : null;
  results[key] = {
    status: outcome.status,
    reason,
    lines: build.log(key),
    outPath,
    hostPath: lab.engine.hostPath(outPath),
  };
}
await lab.store.close();
process.stdout.write(JSON.stringify(results));

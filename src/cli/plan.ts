/** `drydock plan`: what would be built, without building. */
import type { Invocation } from '../cargo/types.ts';
import { describePlan } from '../plan/describe.ts';
import type { Host } from './host.ts';
import { prepare } from './prepare.ts';
import { askedAsBuild } from './words.ts';

export async function plan(asked: Invocation, host: Host): Promise<number> {
  const { invocation, flags } = askedAsBuild(asked, ['--json']);
  const prepared = await prepare(invocation, host.environment, host.signal);
  if (!prepared.ok) return prepared.failure.exitCode;
  const rows = describePlan(prepared.value.session.plan);
  const { stdout } = host.terminal;
  if (flags.has('--json')) stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  else {
    for (const row of rows) {
      const target = `${row.target} (${row.kind.join(', ')}, ${row.mode}, ${row.lane})`;
      stdout.write(`${row.id}  ${row.package}  ${target}\n  ${row.drvPath}\n  ${row.outPath}\n`);
    }
  }
  return 0;
}

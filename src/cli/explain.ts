/** `drydock explain [UNIT]`: why units were built again. */
import type { Invocation } from '../cargo/types.ts';
import { readLastBuild } from '../report/history.ts';
import { describeUnit } from '../report/names.ts';
import { sentence } from '../report/stale.ts';
import { placesOf } from '../target/places.ts';
import type { Host } from './host.ts';
import { prepare } from './prepare.ts';
import { unitsNamed } from './show-derivation.ts';
import { askedAsBuild } from './words.ts';

export async function explain(asked: Invocation, host: Host): Promise<number> {
  const { invocation, words } = askedAsBuild(asked, []);
  const prepared = await prepare(invocation, host.environment, host.signal);
  if (!prepared.ok) return prepared.failure.exitCode;
  const { workspace, session } = prepared.value;
  const { stdout } = host.terminal;
  const last = readLastBuild(placesOf(workspace), [null, ...workspace.graph.units.map((unit) => unit.platform)]);
  if (last === null) {
    stdout.write('nothing was built here yet\n');
    return 0;
  }
  const [name] = words;
  const chosen = name === undefined ? null : new Set(unitsNamed(session.plan, name).map((unit) => unit.id));
  for (const { unit, name: called, reason, without } of last) {
    if (chosen !== null && !chosen.delete(unit)) continue;
    stdout.write(`${called}: built because ${sentence(reason)}\n`);
    if (without !== undefined) stdout.write(`  without ${without}\n`);
  }
  for (const id of chosen ?? []) {
    const unit = session.plan.byId.get(id);
    if (unit === undefined) continue;
    const { target, mode } = unit.unit;
    stdout.write(
      `${describeUnit(unit.package.name, target, mode === 'run-custom-build' ? 'build' : mode)}: not built by the last build that built anything\n`,
    );
  }
  return 0;
}

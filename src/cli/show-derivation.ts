/** `drydock show-derivation UNIT`: one derivation, as Nix shows it. */
import type { Invocation } from '../cargo/types.ts';
import { printDerivationJson } from '../nix/derivation-json.ts';
import type { Plan, PlannedUnit } from '../plan/types.ts';
import { UserError } from '../sys/errors.ts';
import type { Host } from './host.ts';
import { prepare } from './prepare.ts';
import { askedAsBuild } from './words.ts';

export async function showDerivation(asked: Invocation, host: Host): Promise<number> {
  const { invocation, words } = askedAsBuild(asked, []);
  const [name] = words;
  if (name === undefined) {
    throw new UserError(
      'D0801',
      'show-derivation needs a unit',
      'name one that `drydock plan` lists: its identity, path or package',
    );
  }
  const prepared = await prepare(invocation, host.environment, host.signal);
  if (!prepared.ok) return prepared.failure.exitCode;
  const units = unitsNamed(prepared.value.session.plan, name);
  for (const unit of units) {
    host.terminal.stdout.write(printDerivationJson(unit.goal.sealed.drvPath, unit.goal.sealed.derivation));
  }
  return 0;
}

/** Units by identity, derivation, output, package or target name. Throws `UserError` D0802 where there is none. */
export function unitsNamed(plan: Plan, name: string): readonly PlannedUnit[] {
  const units = plan.units.filter(({ id, goal, package: pkg, unit }) =>
    [id, goal.sealed.drvPath, goal.sealed.outPath, pkg.name, `${pkg.name}@${pkg.version}`, unit.target.name].includes(
      name,
    ),
  );
  if (units.length > 0) return units;
  throw new UserError('D0802', `no unit of this build is called \`${name}\``, 'take a name that `drydock plan` lists');
}

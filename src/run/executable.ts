/** `run`: the one executable that was built. */
import { programArguments } from '../cargo/invocation.ts';
import { isExecutable } from '../plan/target.ts';
import { shellOptions } from '../report/shell.ts';
import type { Built } from './built.ts';
import { programOf, seenFrom, shownCommand, throughRunner } from './command.ts';
import { programEnvironment, subjectOf } from './environment.ts';
import type { Afterwards } from './types.ts';

/** Cargo has seen to it that there is exactly one. It runs in the caller's directory. */
export function executableOf(built: Built): Afterwards {
  const { workspace, plan, target, options } = built;
  const { invocation } = workspace;
  const unit = plan.units.find((each) => each.root && each.unit.mode === 'build' && isExecutable(each.unit.target));
  const executable = unit === undefined ? null : target.locate(unit).executable;
  if (unit === undefined || executable === null) throw new Error('cargo planned no executable');
  const relative = seenFrom(invocation.cwd, executable);
  const call = throughRunner(workspace, unit.unit.platform, {
    file: relative.includes('/') ? relative : `./${relative}`,
    args: [],
    cwd: invocation.cwd,
    environment: programEnvironment(built, subjectOf(built, unit)),
  });
  const whole = { ...call, args: [...call.args, ...programArguments(invocation)] };
  const shown = shownCommand(whole, options.verbosity);
  const program = programOf(workspace, whole, { lines: [['Running', shown]], shown, failing: null });
  return { kind: 'become', programs: [program], allTests: false, shell: shellOptions(options) };
}

/** `test` and `bench`: the test programs that were built, in cargo's order. */
import * as path from 'node:path';
import { hasOption, programArguments } from '../cargo/invocation.ts';
import { kindOf } from '../plan/target.ts';
import type { PlannedUnit } from '../plan/types.ts';
import type { Built } from './built.ts';
import { shellOptions } from '../report/shell.ts';
import { programOf, seenFrom, shownCommand, throughRunner } from './command.ts';
import { docTestPrograms } from './doc-tests.ts';
import { programEnvironment, subjectOf } from './environment.ts';
import { catchesOutput, packageChoice, targetChoice } from './rerun.ts';
import type { Afterwards, Program } from './types.ts';

/** With `--no-run` they are only named, and not even that where messages are JSON. */
export function testsOf(built: Built): Afterwards {
  const { workspace, plan, options } = built;
  const { invocation } = workspace;
  const show = hasOption(invocation, '--no-run');
  // The graph's order is that of cargo's units.
  const units = plan.units.filter(({ unit }) => unit.mode === 'test').toSorted((a, b) => a.index - b.index);
  const tests = show && options.format.kind === 'json' ? [] : units.map((unit) => testOf(built, unit, show));
  return {
    kind: show ? 'show' : 'tests',
    programs: show ? tests : [...tests, ...docTestPrograms(built)],
    allTests: hasOption(invocation, '--no-fail-fast'),
    shell: shellOptions(options),
  };
}

function testOf(built: Built, unit: PlannedUnit, show: boolean): Program {
  const { workspace, target, options } = built;
  const { invocation } = workspace;
  const { package: pkg, unit: compiled } = unit;
  const file = target.locate(unit).executable;
  if (file === null) throw new Error(`no executable of ${pkg.id}`);
  const bench = invocation.verb === 'bench';
  const harness = unit.arguments.includes('--test');
  const words = programArguments(invocation);
  const environment = programEnvironment(built, subjectOf(built, unit));
  for (const [name, place] of binariesFor(built, unit)) environment.set(name, place);
  const call = throughRunner(workspace, compiled.platform, {
    file,
    args: [...words, ...(bench && !show ? ['--bench'] : []), ...(harness && options.quiet ? ['--quiet'] : [])],
    cwd: pkg.root,
    environment,
  });
  const shown = shownCommand(call, show ? 0 : options.verbosity);
  const own = ['test', 'bench'].includes(kindOf(compiled.target));
  const title = own ? '' : `${bench && show ? 'benches' : 'unittests'} `;
  const concise = `${title}${seenFrom(pkg.root, compiled.target.src_path)} (${seenFrom(invocation.cwd, file)})`;
  return programOf(workspace, call, {
    lines: [[show ? 'Executable' : 'Running', options.verbosity > 0 ? shown : concise]],
    shown,
    failing: {
      what: bench ? 'bench' : 'test',
      rerun: `${packageChoice(built, pkg.name)}${targetChoice(compiled.target)}`,
      caught: harness && catchesOutput(words),
    },
  });
}

/** `CARGO_BIN_EXE_<name>`: integration tests and benchmarks are told where the package's binaries are. */
function binariesFor({ target }: Built, unit: PlannedUnit): readonly (readonly [string, string])[] {
  if (!['test', 'bench'].includes(kindOf(unit.unit.target))) return [];
  const artifacts = target.places.artifacts(unit.unit.platform);
  const binaries = unit.package.targets.filter((each) => kindOf(each) === 'bin');
  return binaries.map(({ name }) => [`CARGO_BIN_EXE_${name}`, path.join(artifacts, name)]);
}

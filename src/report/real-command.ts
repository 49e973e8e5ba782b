/** Commands with the places that users know, so that they can be read, and mostly run, outside of the sandbox. */
import * as path from 'node:path';
import { isRun } from '../plan/target.ts';
import type { PlannedUnit } from '../plan/types.ts';
import { mapPaths } from '../target/path-map.ts';
import { incrementalDirectory, unitDirectory } from '../target/places.ts';
import { type Command, showCommand } from './command.ts';
import type { Lookup } from './types.ts';

/** A build script is named as it lies in its directory, without identity. */
export function realCommand(unit: PlannedUnit, command: Command, { places, outputs }: Lookup): Command {
  const pathMap = [
    ...unit.programNames,
    ...unit.pathMap,
    ['/build/out', unitDirectory(places, unit)],
    ['/build/deps', path.join(places.intermediates(unit.unit.platform), 'deps')],
    ['/incremental', incrementalDirectory(places, unit)],
  ] as const;
  const map = (text: string) => mapPaths(text, pathMap, outputs);
  const program = map(command.program);
  return {
    program: isRun(unit.unit) ? path.join(path.dirname(program), unit.unit.target.name) : program,
    args: command.args.map(map),
    environment: command.environment.map(([name, value]) => [name, map(value)]),
  };
}

/** As cargo prints it: the environment with `-vv` only. */
export function commandText(unit: PlannedUnit, command: Command, { outputs }: Lookup, verbosity: number): string {
  if (verbosity < 2) return showCommand(command, null);
  const map = (text: string) => mapPaths(text, unit.pathMap, outputs);
  const environment = Object.entries(unit.environment).map(([name, value]) => [name, map(value)]);
  return showCommand(command, Object.fromEntries(environment) as Record<string, string>);
}

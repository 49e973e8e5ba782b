/** Programs as cargo starts and shows them. */
import * as path from 'node:path';
import type { Workspace } from '../cargo/types.ts';
import { showCommand } from '../report/command.ts';
import type { Program } from './types.ts';

export interface Call {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly environment: ReadonlyMap<string, string>;
}

/** The call through the platform's runner, where the configuration names one. */
export function throughRunner({ config }: Workspace, platform: string | null, call: Call): Call {
  const [runner, ...words] = config.runner(platform) ?? [];
  return runner === undefined ? call : { ...call, file: runner, args: [...words, call.file, ...call.args] };
}

/** With `-vv` the command is shown with the variables that cargo sets. */
export function shownCommand({ file, args, environment }: Call, verbosity: number): string {
  const variables = verbosity > 1 ? Object.fromEntries(environment) : null;
  return showCommand({ program: file, args, environment: [] }, variables);
}

/** A call as data. Only what differs from the caller's environment is kept. */
export function programOf(workspace: Workspace, call: Call, more: Omit<Program, keyof Call>): Program {
  const { environment: caller, cargoEnvironment } = workspace;
  const added = Object.entries(cargoEnvironment).filter(([name, value]) => caller[name] !== value);
  const environment = { ...Object.fromEntries(added), ...Object.fromEntries(call.environment) };
  return { ...call, environment, ...more };
}

/** A file as cargo names it to someone in `cwd`. */
export function seenFrom(cwd: string, file: string): string {
  return file.startsWith(`${cwd}/`) ? path.relative(cwd, file) : file;
}

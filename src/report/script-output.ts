/** What a build script has said, for messages. */
import { type BuildOutput, parseBuildOutput } from '../cargo/build-output.ts';
import { describePackage } from '../cargo/describe.ts';
import type { PlannedUnit } from '../plan/types.ts';
import type { Shell } from './shell.ts';

export type ScriptMessage = BuildOutput['messages'][number];

/** The output of a run that was accepted; null if it does not parse after all. */
export function readScriptOutput(unit: PlannedUnit, stdout: readonly string[]): BuildOutput | null {
  const parsed = parseBuildOutput(stdout.join('\n'), {
    description: describePackage(unit.package),
    targets: unit.package.targets,
    rustVersion: '',
    nightly: true,
    libraryName: null,
    callerBootstrap: null,
  });
  return parsed.ok ? parsed.output : null;
}

/** Warnings and errors of a run that failed, found in its lines: the rest of them need not be well-formed. */
export function messagesOfFailure(stdout: readonly string[]): ScriptMessage[] {
  return stdout.flatMap((line): ScriptMessage[] => {
    const error = /^cargo::error=(.*)$/s.exec(line)?.[1];
    if (error !== undefined) return [{ level: 'error', text: error }];
    const warning = /^cargo::?warning=(.*)$/s.exec(line)?.[1];
    return warning === undefined ? [] : [{ level: 'warning', text: warning }];
  });
}

export function showMessages(shell: Shell, { package: pkg }: PlannedUnit, messages: readonly ScriptMessage[]): void {
  for (const { level, text } of messages) {
    const message = `${pkg.name}@${pkg.version}: ${text}`;
    if (level === 'error') shell.error(message);
    else shell.warn(message);
  }
}

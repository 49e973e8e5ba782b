/** Failed units in cargo's words. */
import { describePackage } from '../cargo/describe.ts';
import type { FailureReason } from '../engine/types.ts';
import type { PlannedUnit } from '../plan/types.ts';
import { plural } from './counts.ts';
import { describeUnit } from './names.ts';

export interface CompilationFailure {
  readonly errors: number;
  readonly warnings: number;
  /** As `showCommand` gives it; null: it did not come so far. */
  readonly command: string | null;
  readonly reason: FailureReason;
}

/**
 * `could not compile …` and, if no error explains it, if the compiler did not just exit, or when verbose: how the
 * process ended.
 */
export function compilationChain(unit: PlannedUnit, failure: CompilationFailure, verbose: boolean): string[] {
  const { errors, warnings, command, reason } = failure;
  const due = errors === 0 ? '' : ` due to ${plural(errors, 'previous error')}`;
  const emitted = warnings === 0 ? '' : `; ${plural(warnings, 'warning')} emitted`;
  const name = describeUnit(unit.package.name, unit.unit.target, unit.unit.mode);
  const first = `could not compile ${name}${due}${emitted}`;
  const simple = reason.kind === 'exit' && reason.code >= 0 && reason.code <= 127;
  return errors > 0 && simple && !verbose ? [first] : [first, exitText(command, reason)];
}

export interface ScriptFailure {
  readonly command: string | null;
  readonly reason: FailureReason;
  /** Lines. */
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  /** The caller has asked for backtraces, and the build script was built without debug information. */
  readonly backtraceHint: boolean;
}

export function scriptChain(unit: PlannedUnit, failure: ScriptFailure): string[] {
  const profile = unit.unit.profile.name.toUpperCase().replaceAll('-', '_');
  const hint = failure.backtraceHint
    ? `\nnote: To improve backtraces for build dependencies, set the CARGO_PROFILE_${profile}_BUILD_OVERRIDE_DEBUG=true ` +
      'environment variable to enable debug information generation.'
    : '';
  const out = section('stdout', failure.stdout);
  const err = section('stderr', failure.stderr);
  return [
    `failed to run custom build command for \`${describePackage(unit.package)}\`${hint}`,
    `${exitText(failure.command, failure.reason)}${out}${err}`,
  ];
}

function section(name: string, lines: readonly string[]): string {
  const text = lines.map((line) => `${line}\n`).join('');
  return text.trim() === '' ? '' : `\n--- ${name}\n${text}`;
}

const signalTexts: Readonly<Record<string, string>> = {
  SIGABRT: '6, SIGABRT: process abort signal',
  SIGALRM: '14, SIGALRM: alarm clock',
  SIGBUS: '7, SIGBUS: access to undefined memory',
  SIGFPE: '8, SIGFPE: erroneous arithmetic operation',
  SIGHUP: '1, SIGHUP: hangup',
  SIGILL: '4, SIGILL: illegal instruction',
  SIGINT: '2, SIGINT: terminal interrupt signal',
  SIGKILL: '9, SIGKILL: kill',
  SIGPIPE: '13, SIGPIPE: write on a pipe with no one to read',
  SIGQUIT: '3, SIGQUIT: terminal quit signal',
  SIGSEGV: '11, SIGSEGV: invalid memory reference',
  SIGSYS: '31, SIGSYS: bad system call',
  SIGTERM: '15, SIGTERM: termination signal',
  SIGTRAP: '5, SIGTRAP: trace/breakpoint trap',
};

/** A process that a user's program was: by exit code, or by the signal that ended it. */
export function endingText(command: string, code: number | null, signal: string | null): string {
  const how = code === null ? signalText(signal ?? '') : `exit status: ${code}`;
  return `process didn't exit successfully: ${command} (${how})`;
}

function exitText(command: string | null, reason: FailureReason): string {
  return `process didn't exit successfully: ${command ?? 'the builder'} (${ending(reason)})`;
}

/** A shell reports a child that a signal ended as 128 and the signal's number. */
function ending(reason: FailureReason): string {
  switch (reason.kind) {
    case 'exit': {
      const signal = Object.values(signalTexts).find((text) => text.startsWith(`${reason.code - 128}, `));
      return reason.code > 128 && signal !== undefined ? `signal: ${signal}` : `exit status: ${reason.code}`;
    }
    case 'signal':
      return signalText(reason.signal);
    case 'inspection':
    case 'input':
      return reason.message;
  }
}

function signalText(signal: string): string {
  return `signal: ${signalTexts[signal] ?? signal}`;
}

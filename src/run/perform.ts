/** Runs what comes after a build. */
import { endingText } from '../report/failure.ts';
import { Shell } from '../report/shell.ts';
import type { Terminal } from '../report/terminal.ts';
import { becomeProgram, systemText } from '../sys/become.ts';
import { run } from '../sys/run.ts';
import type { Afterwards, Failing, Program } from './types.ts';

/** What cargo ends with when it has no exit code to pass on. */
const failed = 101;

export interface Surroundings {
  readonly terminal: Terminal;
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** The exit code. Does not return where this process turns into the program. */
export async function perform(afterwards: Afterwards, around: Surroundings): Promise<number> {
  const shell = new Shell(afterwards.shell, around.terminal);
  if (afterwards.kind === 'tests') return runTests(afterwards, shell, around);
  for (const program of afterwards.programs) {
    for (const [status, text] of program.lines) shell.status(status, text);
    if (afterwards.kind === 'show') continue;
    const { file, args, cwd, environment } = program;
    const why = await becomeProgram(file, args, { cwd, env: { ...around.environment, ...environment } });
    shell.errorChain([neverExecuted(program), why]);
    return failed;
  }
  return 0;
}

async function runTests({ programs, allTests }: Afterwards, shell: Shell, around: Surroundings): Promise<number> {
  const failures: Failing[] = [];
  for (const program of programs) {
    for (const [status, text] of program.lines) shell.status(status, text);
    const { file, args, cwd, environment, failing } = program;
    const ended = await run(file, args, {
      cwd,
      env: { ...around.environment, ...environment },
      stdin: 'inherit',
      stdout: 'inherit',
      stderr: 'inherit',
      signal: around.signal,
    });
    if (around.signal.aborted) return failed;
    if (ended.code === 0 || failing === null) continue;
    failures.push(failing);
    const { startError, signal, code } = ended;
    const simple = code === failed;
    const first = `${failing.what} failed, to rerun pass \`${failing.rerun}\``;
    if (startError !== null) {
      shell.errorChain([first, neverExecuted(program), await systemText(-(startError.errno ?? 0))]);
    } else if (simple) shell.error(first);
    else {
      shell.errorChain([first, endingText(program.shown, code, signal)]);
      if (code !== null && failing.caught) {
        shell.note('test exited abnormally; to see the full output pass --no-capture to the harness.');
      }
    }
    if (!allTests) return code ?? failed;
  }
  if (failures.length === 0) return 0;
  const list = failures.map(({ rerun }) => `    \`${rerun}\``).join('\n');
  shell.error(`${failures.length === 1 ? '1 target' : `${failures.length} targets`} failed:\n${list}`);
  return failed;
}

function neverExecuted({ shown }: Program): string {
  return `could not execute process ${shown} (never executed)`;
}

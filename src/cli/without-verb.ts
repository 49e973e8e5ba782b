/** What cargo answers without a verb: its version, the text of a compiler's error, the list of commands. */
import { readArguments } from '../cargo/arguments.ts';
import { cargoOnPath } from '../cargo/programs.ts';
import type { Invocation } from '../cargo/types.ts';
import { run } from '../sys/run.ts';
import { version } from '../version.ts';
import { commandList } from './help.ts';
import type { Host } from './host.ts';

/** With one of `--version`, `--explain`, `--list` before a verb, in the order of cargo. Throws `UserError` D0101. */
export async function withoutVerb(invocation: Invocation, host: Host): Promise<number> {
  const { stdout } = host.terminal;
  const asked = readArguments(invocation.globalArguments, null);
  if (asked.count('--version') > 0) {
    stdout.write(`drydock ${version}\n`);
    return invocation.verbosity > 0 ? cargo(invocation, host, ['-vV']) : 0;
  }
  if (asked.count('--explain') > 0) return cargo(invocation, host, invocation.globalArguments);
  stdout.write(commandList());
  return 0;
}

async function cargo(invocation: Invocation, { environment }: Host, words: readonly string[]): Promise<number> {
  const { toolchain, calledIn: cwd } = invocation;
  const args = [...(toolchain === null ? [] : [`+${toolchain}`]), ...words];
  const { code } = await run(cargoOnPath(environment), args, { cwd, stdout: 'inherit', stderr: 'inherit' });
  return code ?? 101;
}

/** The program: which command, and how it ends. What it imports is loaded for every call, so it imports little. */
import { existsSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { readArguments } from '../cargo/arguments.ts';
import { hasOption, parseInvocation } from '../cargo/invocation.ts';
import { processTerminal } from '../report/terminal.ts';
import { UserError } from '../sys/errors.ts';
import { help } from './help.ts';
import type { Afterwards } from '../run/types.ts';
import type { Host } from './host.ts';
import { explained } from './refusal.ts';
import { repeatUnchanged } from './repeat.ts';
import { storeRoot } from './store-root.ts';

/**
 * What V8 takes for hot in the half second of a usual build is used up by the time that it is optimised, which costs more
 * than it saves: it waits eight times as long as by itself. By Node's version: V8 tells users of an option that it lacks.
 */
const optimiseLater: Readonly<Record<string, string>> = {
  20: '--interrupt-budget=540672',
  22: '--invocation-count-for-turbofan=24000',
  24: '--invocation-count-for-turbofan=24000',
};
setFlagsFromString(optimiseLater[process.versions.node.split('.')[0] ?? ''] ?? '');

async function main(): Promise<number> {
  const startedOn = Date.now();
  const abort = new AbortController();
  const terminal = processTerminal();
  const cwd = workingDirectory();
  if (cwd === null) {
    terminal.stderr.write(`${unusableDirectory().message}\n`);
    return 101;
  }
  const host: Host = {
    argv: process.argv.slice(2),
    cwd,
    environment: process.env as Record<string, string>,
    terminal,
    signal: abort.signal,
    startedAt: process.hrtime.bigint(),
    startedOn,
  };
  let ended: NodeJS.Signals | null = null;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      ended = name;
      abort.abort();
    });
  }
  const code = await dispatch(host);
  if (ended !== null) {
    process.removeAllListeners(ended);
    process.kill(process.pid, ended);
  }
  return code;
}

/** null: it was removed, or no string is its name. */
function workingDirectory(): string | null {
  try {
    const cwd = process.cwd();
    return existsSync(cwd) ? cwd : null;
  } catch {
    return null;
  }
}

function unusableDirectory(): UserError {
  return new UserError(
    'D0105',
    'the working directory was removed, or its name is not UTF-8',
    'change to a directory that is there; rename one whose name is not UTF-8 (rustc refuses it as well)',
  );
}

async function dispatch(host: Host): Promise<number> {
  const invocation = parseInvocation(host.argv, host.cwd);
  const { stdout, stderr } = host.terminal;
  const name = invocation.verb === 'help' ? (invocation.cargoArguments[0] ?? '') : invocation.verb;
  const before = readArguments(invocation.globalArguments, null);
  const needsNoVerb = ['--version', '--explain', '--list'].some((option) => before.count(option) > 0);
  if (!needsNoVerb && (invocation.verb === '' || invocation.verb === 'help' || hasOption(invocation, '--help'))) {
    const text = help(name === '' ? undefined : name);
    if (text !== null) {
      stdout.write(text);
      return 0;
    }
  }
  const unchanged = needsNoVerb || invocation.verb === 'help' ? null : repeatUnchanged(invocation, host);
  if (unchanged !== null) return unchanged.afterwards === null ? 0 : follow(unchanged.afterwards, host);
  // All that follows is another file of the bundle: most builds of a day have nothing to do and never load it.
  const { commands } = await import('./commands.ts');
  const command = needsNoVerb ? commands[''] : invocation.verb === 'help' ? undefined : commands[name];
  if (command === undefined) {
    stderr.write(`error: no such command: \`${name}\`\n\nhelp: view all commands with \`drydock help\`\n`);
    return 101;
  }
  try {
    return await command(invocation, host);
  } catch (thrown) {
    if (host.signal.aborted) return 130;
    const error = explained(thrown, storeRoot(invocation, host.environment));
    if (!(error instanceof UserError)) throw error;
    stderr.write(`${error.message}\n`);
    return 101;
  }
}

async function follow(afterwards: Afterwards, host: Host): Promise<number> {
  const { perform } = await import('../run/perform.ts');
  return perform(afterwards, host);
}

process.exitCode = await main();

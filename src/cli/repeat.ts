/** The short way of a build that has nothing to do: say again what the last one would say, without asking cargo. */
import * as path from 'node:path';
import type { Invocation } from '../cargo/types.ts';
import { callKey, readUnchanged } from '../learn/unchanged.ts';
import { elapsed } from '../report/finished.ts';
import { version } from '../version.ts';
import type { Afterwards } from '../run/types.ts';
import type { Host } from './host.ts';
import { storeRoot } from './store-root.ts';

/** Stands for the time in the text that is kept. */
const time = /in \d+(?:\.\d+s|m \d+s)(?=\s*$)/m;

/** Verbs that build. */
const building = new Set(['build', 'check', 'run', 'test', 'bench']);

/** If nothing changed since the last build that was called like this one: its messages are printed; what follows it. */
export function repeatUnchanged(invocation: Invocation, host: Host): { readonly afterwards: Afterwards | null } | null {
  if (!building.has(invocation.verb)) return null;
  // Whoever wants cargo's own log wants cargo to be asked.
  if (host.environment['CARGO_LOG'] !== undefined) return null;
  const saved = readUnchanged(directoryOf(invocation, host), keyOf(host), version, host.environment);
  if (saved === null) return null;
  const took = elapsed(process.hrtime.bigint() - host.startedAt);
  if (saved.stdout !== '') host.terminal.stdout.write(saved.stdout);
  host.terminal.stderr.write(saved.stderr.replace(time, `in ${took}`));
  return { afterwards: saved.afterwards as Afterwards | null };
}

/** Where the states of unchanged builds are kept. */
export function directoryOf(invocation: Invocation, host: Host): string {
  return path.join(storeRoot(invocation, host.environment), 'nix', 'var', 'drydock', 'unchanged');
}

/** Names this way of calling. */
export function keyOf({ argv, cwd, environment, terminal }: Host): string {
  const { stdout, stderr } = terminal;
  return callKey(argv, cwd, environment, `${stdout.isTerminal} ${stderr.isTerminal}`);
}

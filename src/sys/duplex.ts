/** A child process that is talked to through its standard input and output. */
import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ChildStream {
  readonly stream: Duplex;
  /** The end of what it has written to stderr so far. */
  said(): string;
  /** When there is nothing more to come of that; at the latest half a second after it was asked for. */
  settled(): Promise<void>;
}

const keptOfStderr = 4096;
const longest = 500;

/** Starts `program`, with `env` besides this process's own. Destroying the stream kills it; a program that cannot be started is an error of the stream. */
export function duplexOf(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildStream {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()).once('error', () => resolve()));
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-keptOfStderr);
  });
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
  child.on('error', (error) => stream.destroy(error));
  stream.on('close', () => child.kill());
  const settled = () => Promise.race([closed, sleep(longest, undefined, { ref: false })]);
  return { stream, said: () => said, settled };
}

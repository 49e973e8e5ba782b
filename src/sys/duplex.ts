/** A child process that is talked to through its standard input and output. */
import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';

export interface ChildStream {
  readonly stream: Duplex;
  /** The end of what it has written to stderr so far. */
  said(): string;
}

const keptOfStderr = 4096;

/** Starts `program`, with `env` besides this process's own. Destroying the stream kills it; a program that cannot be started is an error of the stream. */
export function duplexOf(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildStream {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-keptOfStderr);
  });
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
  child.on('error', (error) => stream.destroy(error));
  stream.on('close', () => child.kill());
  return { stream, said: () => said };
}

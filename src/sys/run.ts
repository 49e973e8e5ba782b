/** One child process from start to end. Arguments are a list: no shell reads them. */
import { type SpawnOptions, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';

export interface RunOptions {
  readonly cwd?: string;
  /** The whole environment of the child; default: that of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Written to stdin, which is closed afterwards; default: stdin is `/dev/null`. */
  readonly input?: string | Uint8Array;
  /** `inherit`: this process' own stdin. */
  readonly stdin?: 'inherit';
  /** Aborting sends `killSignal` to the child; `run` then waits for its end as usual. */
  readonly signal?: AbortSignal;
  readonly killSignal?: NodeJS.Signals;
  /** `collect` (default): into the result. `inherit`: to this process' own. `ignore`: dropped. A function: each chunk. */
  readonly stdout?: OutputMode;
  readonly stderr?: OutputMode;
}

export type OutputMode = 'collect' | 'inherit' | 'ignore' | ((chunk: Buffer) => void);

export interface RunResult {
  /** Exit code; null when a signal ended it or it could not be started. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why the program could not be started (`ENOENT`, `EACCES`, …); null when it ran. */
  readonly startError: NodeJS.ErrnoException | null;
  /** What was collected; empty in the other modes. */
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/**
 * Runs `program` to its end and tells how it ended. Never rejects for what the child does: a missing program, an exit
 * code and a signal are all values of the result.
 */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve) => {
    const spawnOptions: SpawnOptions = {
      stdio: [
        options.stdin ?? (options.input === undefined ? 'ignore' : 'pipe'),
        stdio(options.stdout),
        stdio(options.stderr),
      ],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.env === undefined ? {} : { env: options.env }),
    };
    const child = spawn(program, args, spawnOptions);
    const out = listen(child.stdout, options.stdout);
    const err = listen(child.stderr, options.stderr);

    const abort = () => child.kill(options.killSignal ?? 'SIGTERM');
    if (options.signal?.aborted) abort();
    options.signal?.addEventListener('abort', abort, { once: true });

    let startError: NodeJS.ErrnoException | null = null;
    let settled = false;
    const settle = (code: number | null, signal: NodeJS.Signals | null) => {
      if (settled) return;
      settled = true;
      options.signal?.removeEventListener('abort', abort);
      resolve({ code, signal, startError, stdout: Buffer.concat(out), stderr: Buffer.concat(err) });
    };
    child.on('error', (error) => {
      if (child.pid !== undefined) return;
      startError = error;
      settle(null, null);
    });
    child.on('close', settle);

    if (child.stdin) {
      // A child that ends without reading its input closes the pipe: its exit code tells the story.
      child.stdin.on('error', () => {});
      child.stdin.end(options.input);
    }
  });
}

function stdio(mode: OutputMode | undefined): 'pipe' | 'inherit' | 'ignore' {
  return mode === 'inherit' || mode === 'ignore' ? mode : 'pipe';
}

function listen(stream: Readable | null, mode: OutputMode | undefined): Buffer[] {
  const collected: Buffer[] = [];
  stream?.on('data', typeof mode === 'function' ? mode : (chunk: Buffer) => collected.push(chunk));
  return collected;
}

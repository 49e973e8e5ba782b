/** A child process whose log is read line by line, and that is killed as a whole. */
import { errnoOf } from './errors.ts';
import { lineSplitter } from './lines.ts';
import { type ProcessEnd, type SpawnRequest, spawnProgram } from './spawn.ts';

export interface SuperviseRequest extends SpawnRequest {
  /** Each line of stdout and stderr, in the order of their arrival; a last line without its end too. */
  readonly onLine: (line: string) => void;
  /** Aborting kills the child with SIGKILL; the promise still waits for its end. */
  readonly signal: AbortSignal;
}

/**
 * Runs a program to its end: until it and everyone who holds its output are gone. The child has a session of its own, so
 * that Ctrl-C at the terminal reaches this process alone. Rejects with the system error if it cannot be started.
 */
export async function supervise(request: SuperviseRequest): Promise<ProcessEnd> {
  if (request.signal.aborted) return { code: null, signal: 'SIGKILL' };
  const child = await spawnProgram(request);
  const lines = lineSplitter(request.onLine);
  const kill = () => killGroup(child.pid);
  if (request.signal.aborted) kill();
  request.signal.addEventListener('abort', kill, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      child.output.on('data', (chunk: Buffer) => lines.write(chunk));
      child.output.on('error', reject);
      child.output.on('close', resolve);
    });
    lines.end();
    return await child.reap();
  } finally {
    request.signal.removeEventListener('abort', kill);
  }
}

/** Kills a process and those of its children that still are in its group. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}

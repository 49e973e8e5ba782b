/** A child process whose log is read line by line, and that is killed as a whole. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { errnoOf } from './errors.ts';
import { lineSplitter } from './lines.ts';

export interface SuperviseRequest {
  readonly program: string;
  readonly args: readonly string[];
  /** The whole environment of the child. */
  readonly env: Readonly<Record<string, string>>;
  /** Files that the child has open for reading, from their beginning, as its descriptors 3, 4, … */
  readonly files: readonly string[];
  /** Each line of stdout and stderr, in the order of their arrival; a last line without its end too. */
  readonly onLine: (line: string) => void;
  /** Aborting kills the child with SIGKILL; the promise still waits for its end. */
  readonly signal: AbortSignal;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * Runs a program to its end: until it and everyone who holds its output are gone. The child has a process group of its
 * own, so that Ctrl-C at the terminal reaches this process alone. Rejects with the system error if it cannot be started.
 */
export function supervise(request: SuperviseRequest): Promise<ProcessEnd> {
  return new Promise((resolve, reject) => {
    const descriptors = request.files.map((file) => openSync(file, 'r'));
    const child = spawn(request.program, request.args, {
      env: request.env,
      stdio: ['ignore', 'pipe', 'pipe', ...descriptors],
      detached: true,
    });
    for (const descriptor of descriptors) closeSync(descriptor);
    const ends = [child.stdout, child.stderr].map((stream) => listen(stream, request.onLine));
    const kill = () => {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) killGroup(child.pid);
    };
    if (request.signal.aborted) kill();
    request.signal.addEventListener('abort', kill, { once: true });
    child.on('error', (error) => {
      request.signal.removeEventListener('abort', kill);
      if (child.pid === undefined) reject(error);
    });
    child.on('close', (code, signal) => {
      request.signal.removeEventListener('abort', kill);
      for (const end of ends) end();
      resolve({ code, signal });
    });
  });
}

/** Kills a process and those of its children that still are in its group. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}

function listen(stream: Readable | null, onLine: (line: string) => void): () => void {
  const lines = lineSplitter(onLine);
  stream?.on('data', (chunk: Buffer) => lines.write(chunk));
  return () => lines.end();
}

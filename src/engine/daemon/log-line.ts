/** Lines of builders' logs, as the daemon sends them. */
import { activityResults, type WorkerMessage } from '../../nix/worker-replies.ts';
import { plain } from './failures.ts';

/** A line, and the build that it is of. */
export interface LogLine {
  readonly activity: number;
  readonly text: string;
}

/**
 * The line that a message carries; null: it carries none. Of a builder that could not be started Nix 2.8 logs its own
 * error as it is stored, numbers and all: the last text in it is what has happened.
 */
export function logLine(message: WorkerMessage): LogLine | null {
  if (message.type !== 'result' || message.result !== activityResults.buildLogLine) return null;
  const line = String(message.fields[0] ?? '');
  const text = line.includes('\0') ? plain(line.split('\0').findLast((part) => part.length > 8) ?? '') : line;
  return { activity: message.id, text };
}

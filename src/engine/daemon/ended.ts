/** How a build ended, by what the daemon says. */
import type { BuildResult } from '../../nix/worker-replies.ts';
import type { FailureReason } from '../types.ts';
import { unkeepable } from '../unkeepable.ts';
import { full, isFull, plain } from './failures.ts';

export type Ended =
  /** `built`: by this call, not found or substituted. */
  { readonly ok: true; readonly built: boolean } | { readonly ok: false; readonly reason: FailureReason };

const good = new Set<BuildResult['status']>(['built', 'substituted', 'already-valid', 'resolves-to-already-valid']);

/**
 * `unfinished`: nothing was wrong with it, the call ended for the sake of something else. Throws `UserError` D0604 where
 * the disk was full. The words are those of Nix 2.8 to 2.34.
 */
export function endedOf({ status, message }: BuildResult): Ended | 'unfinished' {
  if (good.has(status)) return { ok: true, built: status === 'built' };
  const text = plain(message);
  if (isFull(text)) throw full(text);
  if (status === 'misc-failure' && text === '') return 'unfinished';
  const code = /failed with exit code (\d+)/.exec(text)?.[1];
  if (code !== undefined && status !== 'dependency-failed') {
    return { ok: false, reason: { kind: 'exit', code: Number(code) } };
  }
  const signal = /failed due to signal (\d+)/.exec(text)?.[1];
  if (signal !== undefined && status !== 'dependency-failed') {
    return { ok: false, reason: { kind: 'signal', signal: signalNames[Number(signal)] ?? `signal ${signal}` } };
  }
  return { ok: false, reason: daemonFailure(text === '' ? status : text) };
}

/** What the daemon says that is not of the builder. Throws `UserError` D0604 where the disk was full. */
export function daemonFailure(message: string): FailureReason {
  if (isFull(message)) throw full(message);
  const odd = /['"].*\/nix\/store\/[^/'"]+\/?([^'"]*)['"] has an unsupported type/.exec(message)?.[1];
  if (odd !== undefined) return unkeepable(odd, 'type');
  return { kind: 'input', code: 'D0610', message: `the Nix daemon could not build it: ${message}` };
}

const signalNames: Readonly<Record<number, string>> = {
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  15: 'SIGTERM',
};

/** What can go wrong between this process and the daemon, as errors for the one who reads them. */
import { protocolName } from '../../nix/worker-protocol.ts';
import type { DaemonError } from '../../nix/worker-replies.ts';
import { UserError, errnoOf } from '../../sys/errors.ts';
import { type DaemonAddress, describeAddress } from './address.ts';

/** The daemon refused an operation; the connection goes on. */
export class Refusal extends Error {
  constructor(error: DaemonError) {
    super(plain(error.message));
    this.name = 'Refusal';
  }
}

/** A text without colours and other control sequences of terminals. */
export function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- the escape character is what is looked for
  return text.replace(/\u001B\[[0-9;]*[A-Za-z]/g, '').trim();
}

/** `said`: by the program that stands between. */
export function unreachable(address: DaemonAddress, error: unknown, said = ''): UserError {
  const where = describeAddress(address);
  const code = error instanceof UserError ? null : errnoOf(error);
  if (code === 'EACCES' || code === 'EPERM') return notAllowed(address, error);
  const why = said.trim() === '' ? '' : `\n  it said:  ${plain(said)}`;
  const seen = `there is no Nix daemon at ${where}${code === null ? '' : ` (${code})`}${why}`;
  const todos: Readonly<Record<DaemonAddress['kind'], string>> = {
    unix: 'start it (sudo systemctl start nix-daemon), install multi-user Nix, or build with --engine embedded',
    own: 'see that `nix-daemon` of Nix 2.8 or later is on PATH and that `nix store ping` works, or build with --engine embedded',
    ssh: `see that \`${where.replace('ssh-ng://', 'ssh ')} nix-daemon --stdio\` works`,
  };
  const todo = todos[address.kind];
  return new UserError('D0601', seen, todo, { cause: error });
}

/** Where the connection ended while an answer was awaited. `said`: stderr of ssh. */
export function cut(address: DaemonAddress, said: string, error?: unknown): UserError {
  const last = said.trim();
  const seen = `the connection to the Nix daemon (${describeAddress(address)}) was cut in the middle of the work`;
  return new UserError(
    'D0602',
    last === '' ? seen : `${seen}\n  it said:  ${last}`,
    'build again: what was finished is kept; if it comes back, look at the log of the daemon (journalctl -u nix-daemon)',
    { cause: error },
  );
}

export function unknownProtocol(version: number): UserError {
  return new UserError(
    'D0603',
    `the Nix daemon speaks version ${protocolName(version)} of its protocol; 1.34 and later are known here`,
    'use Nix 2.8 or later, or build with --engine embedded',
  );
}

export function notAllowed(address: DaemonAddress, error?: unknown): UserError {
  return new UserError(
    'D0605',
    `the Nix daemon (${describeAddress(address)}) does not let this user connect`,
    'ask the administrator to add you to `allowed-users` in /etc/nix/nix.conf and to the group of the socket',
    { cause: error },
  );
}

/** An operation that must succeed was refused. */
export function refused(refusal: Refusal, during: string): UserError {
  if (isFull(refusal.message)) return full(refusal.message);
  return new UserError(
    'D0607',
    `the Nix daemon refused to ${during}\n  it said:  ${refusal.message}`,
    'do what the message says; the log of the daemon (journalctl -u nix-daemon) has more',
    { cause: refusal },
  );
}

export function isFull(message: string): boolean {
  return /No space left on device|database or disk is full|Disk quota exceeded/i.test(message);
}

export function full(message: string): UserError {
  const first = message.split('\n')[0] ?? '';
  return new UserError(
    'D0604',
    `the Nix store, or the place where the daemon builds, is full: ${first}`,
    'make room (nix-collect-garbage frees what nothing refers to), then build again',
  );
}

export function noHostDirectories(missing: readonly string[]): UserError {
  return new UserError(
    'D0606',
    `the sandbox of the Nix daemon does not show ${missing.join(' ')}, where the compiler driver, linker and shell are`,
    `add to /etc/nix/nix.conf:  extra-sandbox-paths = ${missing.join(' ')}\n           and restart the daemon; or use a toolchain and a cc from the Nix store`,
  );
}

/** A source that was there when the build was planned. */
export function unreadable(error: unknown): UserError {
  const said = error instanceof Error ? error.message : String(error);
  return new UserError(
    'D0609',
    `a source could not be read, or changed, while it was sent to the Nix daemon: ${said}`,
    'build again',
    { cause: error },
  );
}

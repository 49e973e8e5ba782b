/** Finding bubblewrap, and what its refusals mean. */
import { accessSync, constants, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { UserError, errnoOf } from '../../sys/errors.ts';

/** Absolute path of `bwrap`. Throws `UserError` D0301 when it is not installed. */
export function findBwrap(
  searchPath: string = process.env['PATH'] ?? '',
  usual: readonly string[] = ['/usr/bin', '/usr/local/bin', '/bin'],
): string {
  for (const directory of [...searchPath.split(':'), ...usual]) {
    if (!path.isAbsolute(directory)) continue;
    const candidate = path.join(directory, 'bwrap');
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch (error) {
      const code = errnoOf(error);
      if (code !== 'ENOENT' && code !== 'EACCES' && code !== 'ENOTDIR') throw error;
    }
  }
  throw new UserError(
    'D0301',
    'bubblewrap is not installed: no program `bwrap` on the PATH',
    'install it:  apt install bubblewrap  (Debian, Ubuntu), dnf install bubblewrap (Fedora), pacman -S bubblewrap (Arch)',
  );
}

/**
 * What bubblewrap's own message (a line that begins with `bwrap: `) says about the machine, as an error for its owner;
 * null: it is about this one sandbox.
 */
export function explainRefusal(message: string): UserError | null {
  if (
    /No permissions to create (?:a )?new namespace|creating new namespace failed|Creating new namespace failed/i.test(
      message,
    )
  ) {
    return namespacesRefused(message);
  }
  if (/setting up uid map|setting up gid map|loopback: Failed RTM_NEWADDR/i.test(message))
    return namespacesRefused(message);
  return null;
}

function namespacesRefused(message: string): UserError {
  if (setting('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === '1') {
    return new UserError(
      'D0302',
      `AppArmor does not let ordinary programs create user namespaces on this machine\n  bubblewrap said: ${message}`,
      'give bubblewrap a profile that allows it (`drydock doctor` prints one), or, for the whole machine:  sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0',
    );
  }
  return new UserError(
    'D0303',
    `the kernel does not let this user create namespaces\n  bubblewrap said: ${message}`,
    'allow unprivileged user namespaces:  sudo sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000  (in a container, the container must allow them)',
  );
}

function setting(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EACCES') return null;
    throw error;
  }
}

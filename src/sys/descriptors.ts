/** Open files that this process was started with. */
import { readdirSync } from 'node:fs';

const F_GETFD = 1;
const F_SETFD = 2;
const FD_CLOEXEC = 1;

/**
 * Keeps files that this process inherited (a terminal multiplexer's, make's, an agent's) from everything it starts from
 * now on. Node itself opens files so that they are not inherited, and passes on what it is told to.
 */
export async function keepInheritedFiles(): Promise<void> {
  const { default: koffi } = await import('koffi');
  const fcntl = koffi.load(null).func('int fcntl(int fd, int command, ...)');
  for (const name of readdirSync('/proc/self/fd')) {
    const fd = Number(name);
    if (fd <= 2) continue;
    const flags = Number(fcntl(fd, F_GETFD, 'int', 0));
    if (flags >= 0 && (flags & FD_CLOEXEC) === 0) fcntl(fd, F_SETFD, 'int', flags | FD_CLOEXEC);
  }
}

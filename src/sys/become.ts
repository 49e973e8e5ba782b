/** Turning this process into another program, and the system's words for its errors. */
import { existsSync, statSync } from 'node:fs';
import * as path from 'node:path';

const SIGPIPE = 13;
const SIGXFSZ = 25;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;

/**
 * Turns this process into `file` (execve), with the signals and the streams that a program expects: Node ignores two
 * signals, makes streams non-blocking, and would close them. Answers only when it failed: with the system's text.
 */
export async function becomeProgram(
  file: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<string> {
  const { default: koffi } = await import('koffi');
  const library = koffi.load(null);
  const execve = library.func('int execve(const char *path, const char **argv, const char **envp)');
  const fcntl = library.func('int fcntl(int fd, int command, int argument)') as (...numbers: number[]) => number;
  const signal = library.func('void *signal(int signum, void *handler)');
  process.chdir(options.cwd);
  const found = lookUp(file, options.env['PATH'] ?? '');
  // Sorted, as Rust's own launcher hands them on.
  const names = Object.keys(options.env).sort();
  const variables = names.map((name) => `${name}=${options.env[name] ?? ''}`);
  for (const fd of [0, 1, 2]) {
    fcntl(fd, F_SETFD, 0);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL, 0) & ~O_NONBLOCK);
  }
  for (const number of [SIGPIPE, SIGXFSZ]) signal(number, null);
  execve(found, [file, ...args, null], [...variables, null]);
  return systemText(koffi.errno());
}

/** `No such file or directory (os error 2)`. */
export async function systemText(errno: number): Promise<string> {
  const { default: koffi } = await import('koffi');
  const strerror = koffi.load(null).func('const char *strerror(int errnum)') as (errno: number) => string;
  return `${strerror(errno)} (os error ${errno})`;
}

/** The file that a name stands for in `PATH`; a path, or a name that is not found, as it is. */
function lookUp(file: string, searchPath: string): string {
  if (file.includes('/')) return file;
  const places = searchPath.split(':').map((directory) => path.join(directory === '' ? '.' : directory, file));
  return places.find((place) => existsSync(place) && (statSync(place).mode & 0o111) !== 0) ?? file;
}

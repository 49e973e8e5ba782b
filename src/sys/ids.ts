/** Who runs this, and where that user's files belong (XDG Base Directory Specification). */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import * as path from 'node:path';

export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

export type UserDirectory = 'data' | 'state' | 'cache' | 'runtime';

type Environment = Readonly<Record<string, string | undefined>>;

/** User and group that files made by this process belong to. */
export function userIds(): UserIds {
  return { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
}

/** The umask. Read from the kernel: Node's own way to ask sets it twice, and other threads create files meanwhile. */
export function fileMask(): number {
  return parseInt(/^Umask:\s*(\d+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '22', 8);
}

/**
 * The base directory of a kind, without a program's name; null: there is no runtime directory. As the specification
 * says, a variable that is empty or holds a relative path counts as not set.
 */
export function userDirectory(kind: UserDirectory, environment: Environment = process.env): string | null {
  const named = environment[`XDG_${kind === 'runtime' ? 'RUNTIME_DIR' : `${kind.toUpperCase()}_HOME`}`];
  if (named !== undefined && path.isAbsolute(named)) return named;
  const home =
    environment['HOME'] !== undefined && path.isAbsolute(environment['HOME']) ? environment['HOME'] : homedir();
  switch (kind) {
    case 'data':
      return path.join(home, '.local/share');
    case 'state':
      return path.join(home, '.local/state');
    case 'cache':
      return path.join(home, '.cache');
    case 'runtime':
      return null;
  }
}

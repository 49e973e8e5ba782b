/** A Cargo project of a user in a 0700 home, built through the hooked daemon. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import type { Launch } from '../daemon/daemon.ts';
import { type Lab, type Ran, type User, installHook, openLab, run, writeAs } from './support.ts';

export interface RustProject {
  readonly directory: string;
  drydock(...words: readonly string[]): Ran;
  write(main: string): void;
  writeLibrary(library: string): void;
  /** Directories of rustc's sessions in `target/debug/incremental`. */
  sessions(): readonly string[];
  /** Names of the object files that the session after `before` has of it. */
  keptOf(before: string): readonly string[];
}

/** A daemon with the hook, and a project of its first user. */
export async function openRustLab(
  launch: Launch,
): Promise<{ readonly lab: Lab; readonly user: User; readonly project: RustProject }> {
  const lab = await openLab(launch);
  const [user] = lab.users;
  const project = makeProject(lab, user);
  await installHook(lab);
  return { lab, user, project };
}

/** `remote`: another store than the daemon's. */
export function makeProject(lab: Lab, user: User, remote = lab.daemon.remote): RustProject {
  const directory = path.join(user.home, 'project');
  const rust = path.join(user.home, 'rust');
  mkdirSync(rust);
  writeAs(user, 'project/Cargo.toml', '[package]\nname = "counted"\nversion = "1.0.0"\nedition = "2021"\n');
  const sysroot = run('rustc', ['--print', 'sysroot']).trim();
  // The machine's toolchain, which may lie in root's home, is shown in theirs.
  const become = `exec setpriv --reuid=${user.uid} --regid=${user.gid} --clear-groups env -i "$@"`;
  const script = `mount --bind "$1" "$2"; shift 2; ${become}`;
  const variables = {
    HOME: user.home,
    PATH: [`${rust}/bin`, ...lab.tools, '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
    NIX_REMOTE: remote,
    NIX_CONFIG: lab.settings.join('\n'),
  };
  const assignments = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
  const program = [process.execPath, path.join(lab.prefix, 'dist/drydock.mjs')];
  const sessions = () => {
    const incremental = path.join(directory, 'target/debug/incremental');
    const names = readdirSync(incremental, { recursive: true, encoding: 'utf8' });
    return names.filter((name) => /\/s-[^/.]*$/.test(name)).map((name) => path.join(incremental, name));
  };
  const objects = (session: string) => run('find', [session, '-name', '*.o', '-printf', '%f\n']).trim().split('\n');
  return {
    directory,
    drydock(...words) {
      const inside = ['-m', 'sh', '-ec', script, 'sh', sysroot, rust, ...assignments, ...program, ...words];
      const ended = spawnSync('unshare', inside, { cwd: directory, encoding: 'utf8', maxBuffer: 1 << 26 });
      return { code: ended.status, stdout: ended.stdout, stderr: ended.stderr };
    },
    write: (main) => void writeAs(user, 'project/src/main.rs', main),
    writeLibrary: (library) => void writeAs(user, 'project/src/lib.rs', library),
    sessions,
    keptOf(before) {
      const after = sessions().find((session) => session !== before) ?? '';
      return objects(after).filter((name) => objects(before).includes(name));
    },
  };
}

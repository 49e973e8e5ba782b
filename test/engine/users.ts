/** The users that sandboxes are tried as: the one who runs the tests and, for root, an ordinary one with a 0700 home. */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { bundleInto } from '../bundle.ts';
import type { GoalSpec } from './helpers.ts';
import type { ProbeResult } from './probe.ts';

export interface User {
  readonly name: string;
  readonly uid: number;
  readonly home: string;
  /** The program that `probe` runs, with its input on stdin. */
  readonly program: string;
  /** Builds goals as this user. */
  probe(specs: Readonly<Record<string, GoalSpec>>, env?: Readonly<Record<string, string>>): Record<string, ProbeResult>;
}

const ordinary = 54_321;

/** Homes are made under the system's directory for temporary files, which everybody can enter. */
export async function makeUsers(): Promise<readonly User[]> {
  const own = process.getuid?.() ?? 0;
  const users = [await makeUser(own === 0 ? 'root' : 'the user who runs the tests', own)];
  if (own === 0) users.push(await makeUser('an ordinary user with a 0700 home', ordinary));
  return users;
}

async function makeUser(name: string, uid: number): Promise<User> {
  const home = mkdtempSync(path.join(tmpdir(), 'drydock-home-'));
  const program = await bundleInto(home, new URL('probe.ts', import.meta.url));
  chmodSync(home, 0o700);
  if (process.getuid?.() === 0) chownSync(home, uid, uid);
  return {
    name,
    uid,
    home,
    program,
    probe(specs, env = {}) {
      const result = spawnSync(process.execPath, [program], {
        cwd: '/',
        env: { PATH: process.env['PATH'], HOME: home, ...env },
        input: JSON.stringify(specs),
        encoding: 'utf8',
        ...(process.getuid?.() === 0 ? { uid, gid: uid } : {}),
      });
      if (result.status !== 0) throw new Error(`the probe ended with ${result.status}: ${result.stderr}`);
      return JSON.parse(result.stdout) as Record<string, ProbeResult>;
    },
  };
}

/** Derivations and grants written by hand, as somebody would who means no good. */
import { readFileSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { type Lab, type User, mkdirAs, writeAs } from './support.ts';

export interface Caller {
  readonly owner: string;
  readonly scope: string;
  readonly cacheGrants: string;
}

export interface Line {
  readonly directory: string;
  readonly id?: string;
  readonly mode?: string;
  /** Device and inode of this one. */
  readonly of?: string;
}

export const callerOf = (user: User): Caller => ({
  owner: `${user.uid}`,
  scope: `${user.uid}`.padStart(32, 'a'),
  cacheGrants: mkdirAs(user, 'grants'),
});

/** A derivation of `user`, who says of themselves what `caller` says. */
export async function instantiate(
  lab: Lab,
  user: User,
  file: string,
  caller: object,
  values: Readonly<Record<string, string>>,
): Promise<string> {
  const words = Object.entries(values).flatMap(([name, value]) => ['--argstr', name, value]);
  const made = await lab.as(user, ['nix-instantiate', file, ...words], { DRYDOCK_MOUNT: JSON.stringify(caller) });
  if (made.code !== 0) throw new Error(made.stderr);
  return made.stdout.trim();
}

export function grantText(drv: string, caller: Caller, lines: readonly Line[], seconds = 600): string {
  const mounts = lines.map(({ directory, id = 'count', mode = 'rw', of = directory }) => {
    const { dev, ino } = statSync(of);
    return `mount ${id} ${mode} held ${dev}:${ino} ${directory}`;
  });
  const expires = Math.floor(Date.now() / 1000) + seconds;
  const head = ['drydock-grant 1', `drv ${drv}`, `scope ${caller.scope}`, `expires ${expires}`];
  return [...head, ...mounts, 'end', ''].join('\n');
}

export const nameOf = (drv: string) => `${path.basename(drv).slice(0, 32)}.grant`;

export const put = (user: User, caller: Caller, drv: string, text: string) =>
  writeAs(user, path.join(caller.cacheGrants, nameOf(drv)), text);

/** Output of the build, and what the hook has said to the daemon's log meanwhile. */
export async function realise(
  lab: Lab,
  user: User,
  drv: string,
): Promise<{ readonly text: string; readonly said: string }> {
  const before = lab.daemon.log().length;
  const done = await lab.as(user, ['nix-store', '--realise', drv]);
  if (done.code !== 0) throw new Error(done.stderr);
  const text = readFileSync(lab.daemon.address.root + done.stdout.trim(), 'utf8');
  return { text, said: lab.daemon.log().slice(before) };
}

/** Tries the daemon's hook with a real build: two derivations that count in a file of their common cache mount. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { UserError, errnoOf } from '../sys/errors.ts';
import { userDirectory, userIds } from '../sys/ids.ts';
import type { Host } from './host.ts';
import { mountAround } from './mount-around.ts';
import { makeDirectories } from '../sys/directories.ts';

export type HookCheck =
  | { readonly kind: 'works' }
  | { readonly kind: 'cold'; readonly reason: string }
  | { readonly kind: 'not-tried'; readonly reason: string };

const expression = `{ salt }: derivation ((builtins.fromJSON (builtins.getEnv "DRYDOCK_MOUNT")) // {
  inherit salt;
  name = "drydock-check-hook";
  system = builtins.currentSystem;
  builder = "/bin/sh";
  args = [ "-c" ": >$out; [ -d /cache ] && echo \${salt} >>/cache/builds" ];
  cacheMounts = builtins.toJSON [ { id = "check-hook"; target = "/cache"; sharing = "locked"; ro = false; } ];
  preferLocalBuild = true;
})
`;

/** Builds as this user. Says why where there was no mount; `not-tried`: nothing here can tell. */
export async function checkHook(host: Host): Promise<HookCheck> {
  if (userIds().uid === 0)
    return { kind: 'not-tried', reason: 'root has no cache mounts; as yourself: drydock nix check-hook' };
  const above = path.join(userDirectory('cache', host.environment) ?? '/', 'drydock');
  makeDirectories(above);
  const directory = mkdtempSync(path.join(above, 'check-hook-'));
  try {
    const file = path.join(directory, 'check.nix');
    const state = path.join(directory, 'state');
    writeFileSync(file, expression);
    mkdirSync(state);
    for (const round of ['one', 'two']) {
      const salt = `${round}-${path.basename(directory)}`;
      const command = ['nix-build', '--no-out-link', '--argstr', 'salt', salt, file];
      const ended = await mountAround({ command, directories: new Map([['check-hook', state]]), quiet: true }, host);
      const refused = ended.answers.find((one) => one.answer?.mounted !== true);
      if (ended.granted === 0)
        return { kind: 'not-tried', reason: `\`${command.join(' ')}\` did not say what it builds` };
      if (refused !== undefined) {
        const reason =
          refused.answer?.mounted === false
            ? refused.answer.reason
            : 'the daemon did not ask (is the hook installed, the daemon restarted?)';
        return { kind: 'cold', reason };
      }
      if (ended.code !== 0) return { kind: 'cold', reason: `nix-build ended with exit code ${ended.code}` };
    }
    const left = path.join(state, 'builds');
    if (readFileSync(left, 'utf8').split('\n').length !== 3)
      return { kind: 'cold', reason: "the second build did not see the first one's file" };
    if (statSync(left).uid !== userIds().uid)
      return { kind: 'cold', reason: 'what the build made belongs to somebody else' };
    return { kind: 'works' };
  } catch (error) {
    if (error instanceof UserError) return { kind: 'not-tried', reason: error.seen };
    if (errnoOf(error) === 'ENOENT') return { kind: 'cold', reason: 'the build left nothing in its mount' };
    throw error;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

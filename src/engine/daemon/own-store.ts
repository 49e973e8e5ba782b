/**
 * A store of this user's own: no daemon, no hook. The sandbox's user is the caller, and the process that serves the store
 * is the caller's too and takes every setting: what a builder may see is said when the connection is made.
 */
import { existsSync } from 'node:fs';
import { type GrantedMounts, holdDirectly } from '../../mounts/granted.ts';
import { parseViews } from '../../mounts/views.ts';
import type { Derivation, DrvPath } from '../../nix/types.ts';
import type { ClientSettings } from '../../nix/worker-protocol.ts';
import type { LockOptions } from '../../sys/lock.ts';
import { userIds } from '../../sys/ids.ts';
import type { MountGrant } from '../../mounts/types.ts';
import { rootOf } from './address.ts';
import type { Dialer } from './dialer.ts';
import { type Pool, makePool } from './pool.ts';

const hostDirectories = ['/bin', '/usr', '/lib', '/lib64', '/etc/alternatives'];

/** The setting that shows a sandbox the host's tools and, further, `TARGET=DIRECTORY`. */
export function hostPaths(further: readonly string[]): Readonly<Record<string, string>> {
  return { 'extra-sandbox-paths': [...hostDirectories.filter((each) => existsSync(each)), ...further].join(' ') };
}

export interface OwnMounts {
  /** Locks and marks the mounts. Null: the sandbox's user would be another one (root with build users). */
  hold(drvPath: DrvPath, mounts: readonly MountGrant[], options: LockOptions): Promise<GrantedMounts | null>;
  /** Connections whose builders see these mounts and the derivation's views. To be closed. */
  pool(granted: GrantedMounts, derivation: Derivation): Pool;
}

export function ownMounts(dialer: Dialer, settings: ClientSettings): OwnMounts {
  return {
    hold: (drvPath, mounts, options) =>
      userIds().uid === 0 || mounts.some(({ directory }) => /\s/.test(directory))
        ? Promise.resolve(null)
        : holdDirectly(drvPath, mounts, options),
    pool({ mounts }, { env }) {
      const shown = mounts.map(({ grant: { target }, directory }) => ({ target, directory }));
      const views = (parseViews(env['storeViews'] ?? '') ?? []).map(({ target, source }) => ({
        target,
        directory: `${rootOf(dialer.address) ?? ''}${source}`,
      }));
      const plain = views.filter((each) => !/\s/.test(each.target + each.directory));
      const further = [...shown, ...plain].map(({ target, directory }) => `${target}=${directory}`);
      return makePool(dialer, { ...settings, overrides: { ...settings.overrides, ...hostPaths(further) } });
    },
  };
}

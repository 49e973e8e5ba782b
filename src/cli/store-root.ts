import * as path from 'node:path';
import type { Invocation } from '../cargo/types.ts';
import { defaultStoreRoot } from '../store/format.ts';

/** What the Nix engine keeps of this user's, beside the store. */
export function daemonDirectory(root: string): string {
  return path.join(root, 'nix', 'var', 'drydock', 'daemon');
}

/** Where the store of this invocation is: `--store`, else `DRYDOCK_STORE`, else in the user's data directory. */
export function storeRoot(invocation: Invocation, environment: Readonly<Record<string, string>>): string {
  return invocation.store === null ? defaultStoreRoot(environment) : path.resolve(invocation.cwd, invocation.store);
}

/** `drydock gc`: what no recent build used goes. */
import type { Invocation } from '../cargo/types.ts';
import { openStore } from '../store/store.ts';
import { UserError } from '../sys/errors.ts';
import { bytes } from './bytes.ts';
import type { Host } from './host.ts';
import { storeRoot } from './store-root.ts';

export async function gc(invocation: Invocation, host: Host): Promise<number> {
  const store = await openStore(storeRoot(invocation, host.environment));
  try {
    const outcome = await store.collect({ all: true });
    if (outcome.status === 'busy') {
      throw new UserError('D0803', `a build is using the store ${store.root}`, 'try again when it has ended');
    }
    host.terminal.stdout.write(`${outcome.removed.length} paths removed, ${bytes(outcome.bytes)} freed\n`);
    return 0;
  } finally {
    await store.close();
  }
}

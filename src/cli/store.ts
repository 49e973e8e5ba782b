/** `drydock store [verify]`: how large the store is, and whether it holds what it should. */
import type { Invocation } from '../cargo/types.ts';
import { openStore } from '../store/store.ts';
import { UserError } from '../sys/errors.ts';
import { bytes } from './bytes.ts';
import type { Host } from './host.ts';
import { storeRoot } from './store-root.ts';

export async function store(invocation: Invocation, host: Host): Promise<number> {
  const [word, ...others] = invocation.cargoArguments.filter((argument) => argument !== '--repair');
  if (others.length > 0 || (word !== undefined && word !== 'verify')) {
    throw new UserError(
      'D0804',
      `\`drydock store\` does not know \`${others[0] ?? word ?? ''}\``,
      'see `drydock store --help`',
    );
  }
  const opened = await openStore(storeRoot(invocation, host.environment));
  const { stdout } = host.terminal;
  try {
    if (word === undefined) {
      stdout.write(`${opened.root}\n`);
      const size = opened.size();
      for (const lane of ['pure', 'dev'] as const) {
        stdout.write(`  ${lane.padEnd(4)}  ${size[lane].paths} paths, ${bytes(size[lane].bytes)}\n`);
      }
      return 0;
    }
    const corrupt = await opened.verify({ repair: invocation.cargoArguments.includes('--repair') });
    for (const { path, why, repaired } of corrupt) stdout.write(`${path}: ${why}${repaired ? ' (removed)' : ''}\n`);
    stdout.write(`${corrupt.length} of its paths are not what they should be\n`);
    return corrupt.length === 0 ? 0 : 1;
  } finally {
    await opened.close();
  }
}

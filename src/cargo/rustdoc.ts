/** Which rustdoc cargo takes, and what it calls it. */
import { basename, dirname, join } from 'node:path';
import type { Workspace } from './types.ts';

/** `$RUSTDOC`, `build.rustdoc`, else the one beside rustc: by its path where rustc goes by its path. */
export function nameOfRustdoc({ config, toolchain }: Workspace): string {
  if (config.rustdoc !== null) return config.rustdoc;
  const { rustcName } = toolchain;
  return basename(rustcName) === 'rustc' && rustcName.includes('/') ? join(dirname(rustcName), 'rustdoc') : 'rustdoc';
}

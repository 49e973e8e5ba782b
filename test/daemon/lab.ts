/** Stock Nix of other versions than the machine's. */
import * as path from 'node:path';
import { installNix } from '../../scripts/stock-nix.mjs';
import { type Launch, stock } from './daemon.ts';

/** Installs the version if it is not there. */
export function lab(version: string): Launch {
  let bin: string | null = null;
  return {
    sandboxPaths: stock.sandboxPaths,
    // It refuses to build below a directory that everybody can write, as the test's own is.
    configuration: version === '2.26' ? [] : ['build-dir = /nix/var/nix/builds'],
    // The shell that Debian's package shows in every sandbox is in the package's place on this machine, not in its own.
    settings: ['sandbox-paths ='],
    version: () => version,
    tool(name) {
      bin ??= installNix(version);
      return [path.join(bin, name)];
    },
  };
}

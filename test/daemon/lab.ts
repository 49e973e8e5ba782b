/** Stock Nix of other versions than the machine's, through the tool `nix-lab` (beside this repository, or `NIX_LAB_TOOL`). */
import { spawnSync } from 'node:child_process';
import { homedir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Launch } from './daemon.ts';

const tool = process.env['NIX_LAB_TOOL'] ?? fileURLToPath(new URL('../../../shared/tools/nix-lab', import.meta.url));
/** Where the tool keeps the versions: told to it, because a test's daemon has another home. */
const place =
  process.env['NIX_LAB'] ?? path.join(process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'nix-lab');

/** Installs the version if it is not there. */
export function lab(version: string): Launch {
  let ready = false;
  const install = () => {
    if (ready) return;
    const done = spawnSync(tool, ['install', version], { encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`nix-lab install ${version}: ${done.error?.message ?? done.stderr}`);
    ready = true;
  };
  return {
    sandboxPaths: '',
    // It refuses to build below a directory that everybody can write, as the test's own is.
    configuration: version === '2.26' ? [] : ['build-dir = /nix/var/nix/builds'],
    version: () => version,
    tool(name) {
      install();
      // The configuration names the store: an address in the environment would win.
      const remote = name === 'nix-daemon' ? ['-u', 'NIX_REMOTE'] : [];
      return ['env', `NIX_LAB=${place}`, tool, 'as', 'root', version, 'env', ...remote, name];
    },
  };
}

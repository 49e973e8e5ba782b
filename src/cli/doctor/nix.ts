/** What `drydock doctor` says of Nix. */
import { readFile, stat } from 'node:fs/promises';
import { onPath } from '../../cargo/programs.ts';
import { lastRefusal } from '../../engine/daemon/state.ts';
import { defaultConf } from '../../mounts/hook/install.ts';
import { hookIn } from '../../mounts/hook/nix-conf.ts';
import { openNixTools, placeInStore } from '../../plan/nix-tools.ts';
import { daemonDirectory } from '../store-root.ts';
import type { Finding } from './finding.ts';

/** Only where tools lie in a Nix store. */
export function nixTools(): Finding[] {
  const environment = Object.fromEntries(Object.entries(process.env).map(([name, value]) => [name, value ?? '']));
  const nix = openNixTools(environment, { read: () => null, write: () => {} });
  const known: string[] = [];
  const unknown: string[] = [];
  for (const name of ['rustc', 'cc']) {
    const file = onPath(name, environment);
    if (file === null || placeInStore(file) === null) continue;
    (nix.find(file) === null ? unknown : known).push(name);
  }
  const found: Finding[] = [];
  if (known.length > 0) {
    found.push({ state: 'ok', seen: `${known.join(' and ')} of the Nix store: inputs with their closures` });
  }
  for (const name of unknown) {
    const instead = name === 'rustc' ? 'its contents are copied' : 'the one of /usr is used';
    const seen = `${name} lies in the Nix store, but \`nix-store --query --requisites\` does not say what it needs: ${instead}`;
    found.push({ state: 'note', seen, todo: 'put `nix-store` on PATH, and see that it can be asked' });
  }
  return found;
}

/** Only where there is a Nix daemon. Whether the hook works, a build would have to tell. */
export async function nixHook(): Promise<Finding[]> {
  const socket = process.env['NIX_DAEMON_SOCKET_PATH'] ?? '/nix/var/nix/daemon-socket/socket';
  const there = await stat(socket).catch(() => null);
  if (there === null) return [];
  const hook = hookIn(await readFile(defaultConf(process.env), 'utf8').catch(() => ''));
  if (hook === null) {
    return [{ state: 'note', seen: 'with --engine nix every edit compiles cold', todo: 'drydock nix install-hook' }];
  }
  return [{ state: 'ok', seen: `the Nix daemon asks ${hook} for cache mounts (to try it: drydock nix check-hook)` }];
}

/** Whether the last build through a Nix daemon had its cache mounts. `root`: of the store. */
export function coldBuilds(root: string): Finding[] {
  const reason = lastRefusal(daemonDirectory(root));
  if (reason === null) return [];
  const why = reason === '' ? 'the daemon has asked no hook' : reason;
  const seen = `the last build through the Nix daemon had no cache mount: ${why}`;
  return [{ state: 'note', seen, todo: 'drydock nix check-hook tries it; docs/security.md has what must be so' }];
}

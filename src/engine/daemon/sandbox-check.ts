/** Whether the daemon's sandbox shows the host's directories of tools. Asked only after a build that could not be set up. */
import { existsSync } from 'node:fs';
import { sealDerivation } from '../../nix/seal.ts';
import { buildPathsWithResults } from '../../nix/worker-protocol.ts';
import { activityResults, readBuildResults } from '../../nix/worker-replies.ts';
import { Refusal, noHostDirectories, plain } from './failures.ts';
import type { Pool } from './pool.ts';
import type { RemoteStore } from './remote-store.ts';

/** Places that a builder with tools of the host reads. */
const wanted = ['/bin', '/usr', '/lib', '/lib64'];
const mark = '@drydock missing ';

/**
 * Builds a small derivation that looks for them; it always fails, so that it leaves nothing and is never skipped.
 * Rejects with `UserError` D0606 when one is missing.
 */
export async function checkSandbox(store: RemoteStore, pool: Pool, system: string): Promise<void> {
  const directories = wanted.filter((place) => existsSync(place));
  const sealed = sealDerivation({
    name: 'drydock-sandbox-check',
    system,
    builder: '/bin/sh',
    // Only what the shell itself can do: nothing else may be there. `usr` is there as a whole or not at all.
    args: [
      '-c',
      `for d in ${directories.join(' ')}; do [ -e "$d" ] || echo "${mark}$d"; done; [ -e /usr/bin ] || echo "${mark}/usr"; exit 1`,
    ],
    env: { name: 'drydock-sandbox-check', system, builder: '/bin/sh', preferLocalBuild: '1', allowSubstitutes: '' },
    inputDrvs: [],
    inputSrcs: [],
  });
  await store.addDerivation(sealed);
  const connection = await pool.take();
  const missing = new Set<string>();
  try {
    const { minor } = connection.identity;
    const results = await connection.request(
      buildPathsWithResults([sealed.drvPath]),
      () => readBuildResults(minor),
      (message) => {
        if (message.type !== 'result' || message.result !== activityResults.buildLogLine) return;
        const line = String(message.fields[0] ?? '');
        if (line.startsWith(mark)) missing.add(line.slice(mark.length));
      },
    );
    const text = plain([...results.values()][0]?.message ?? '');
    if (/\/bin\/sh/.test(text) && /No such file/.test(text)) throw noHostDirectories(directories);
    if (missing.size > 0) throw noHostDirectories([...missing]);
  } catch (error) {
    // It cannot even try: then what went wrong before has another reason, which is told.
    if (!(error instanceof Refusal)) throw error;
  } finally {
    pool.give(connection);
  }
}

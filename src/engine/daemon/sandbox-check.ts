/** Whether the daemon's sandbox shows the host's directories of tools. Asked only after a build that could not be set up. */
import { existsSync, lstatSync, readlinkSync } from 'node:fs';
import * as path from 'node:path';
import { sealDerivation } from '../../nix/seal.ts';
import { buildPathsWithResults } from '../../nix/worker-protocol.ts';
import { readBuildResults } from '../../nix/worker-replies.ts';
import { Refusal, noHostDirectories, plain } from './failures.ts';
import { logLine } from './log-line.ts';
import type { Pool } from './pool.ts';
import type { RemoteStore } from './remote-store.ts';

/** Places that a builder with tools of the host reads. */
const wanted = ['/bin', '/usr', '/lib', '/lib64'];
/** Tools that are often symlinks through other places (Debian's `/etc/alternatives`). */
const tools = ['sh', 'cc', 'gcc', 'ld', 'ar', 'as', 'tar', 'gzip'].map((name) => `/usr/bin/${name}`);
const mark = '@drydock missing ';

/** Words in the log of a failed builder that are worth a look at its sandbox. */
export function looksLikeMissingTool(line: string): boolean {
  return /executing '\/bin\/sh'|linker .* not found|: not found$|cannot find 'ld'|cannot execute/.test(plain(line));
}

/**
 * Builds a small derivation that looks for them; it always fails, so that it leaves nothing and is never skipped.
 * Rejects with `UserError` D0606 when one is missing.
 */
export async function checkSandbox(store: RemoteStore, pool: Pool, system: string): Promise<void> {
  const directories = wanted.filter((place) => existsSync(place));
  const further = new Map(tools.flatMap((tool) => placesOnTheWay(tool).map((place) => [place, tool] as const)));
  const name = 'drydock-sandbox-check';
  const sealed = sealDerivation({
    name,
    system,
    builder: '/bin/sh',
    args: ['-c', script(directories, further)],
    env: { name, system, builder: '/bin/sh', preferLocalBuild: '1', allowSubstitutes: '' },
    inputDrvs: [],
    inputSrcs: [],
  });
  await store.addDerivation(sealed);
  const connection = await pool.take();
  const missing = new Set<string>();
  let noShell = false;
  try {
    const { minor } = connection.identity;
    const results = await connection.request(
      buildPathsWithResults([sealed.drvPath]),
      () => readBuildResults(minor),
      (message) => {
        const line = logLine(message)?.text ?? '';
        if (line.startsWith(mark)) missing.add(line.slice(mark.length));
        if (/executing '\/bin\/sh'/.test(plain(line))) noShell = true;
      },
    );
    const text = plain([...results.values()][0]?.message ?? '');
    if (noShell || (/\/bin\/sh/.test(text) && /No such file/.test(text)))
      throw noHostDirectories([...directories, ...further.keys()]);
    if (missing.size > 0) throw noHostDirectories([...missing]);
  } catch (error) {
    // It cannot even try: then what went wrong before has another reason, which is told.
    if (!(error instanceof Refusal)) throw error;
  } finally {
    pool.give(connection);
  }
}

/** Only what the shell itself can do: nothing else may be there. */
function script(directories: readonly string[], further: ReadonlyMap<string, string>): string {
  const tests = [
    ...directories.map((place) => [place, place === '/usr' ? '/usr/bin' : place]),
    ...[...further].map(([place, tool]) => [place, tool]),
  ];
  return `${tests.map(([place, sign]) => `[ -e ${sign} ] || echo "${mark}${place}"; `).join('')}exit 1`;
}

/** Directories outside of the wanted ones through which the symlinks of a tool lead. */
function placesOnTheWay(tool: string): readonly string[] {
  const places: string[] = [];
  let at = tool;
  for (let steps = 0; steps < 40 && lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink() === true; steps++) {
    at = path.resolve(path.dirname(at), readlinkSync(at));
    const directory = path.dirname(at);
    if (!wanted.some((place) => directory === place || directory.startsWith(`${place}/`))) places.push(directory);
  }
  return places;
}

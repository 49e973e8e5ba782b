/** Programs of the tests that other processes run, of other users too: in one file, with the library that they load. */
import { cpSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Bundles `entry` into `<directory>/<its name>.mjs` and answers that file. */
export async function bundleInto(directory: string, entry: URL): Promise<string> {
  const modules = fileURLToPath(new URL('../node_modules/', import.meta.url));
  for (const name of ['koffi', '@koromix']) {
    cpSync(path.join(modules, name), path.join(directory, 'node_modules', name), { recursive: true });
  }
  const source = fileURLToPath(entry);
  const program = path.join(directory, `${path.basename(source, '.ts')}.mjs`);
  await build({
    entryPoints: [source],
    outfile: program,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    external: ['koffi'],
    logLevel: 'error',
  });
  return program;
}

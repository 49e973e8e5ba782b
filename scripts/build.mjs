// Bundles src/cli/main.ts into one file: a build with nothing to do spends most of its time on starting.
// Written aside and renamed, so that whoever starts the command meanwhile never meets half of it.
import { chmod, copyFile, mkdir, rename, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const result = await build({
  absWorkingDir: root,
  entryPoints: ['src/cli/main.ts'],
  outfile: 'dist/drydock.mjs',
  bundle: true,
  write: false,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  splitting: false,
  external: ['koffi'],
  banner: {
    js: '#!/usr/bin/env node\nimport { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
  },
  legalComments: 'none',
}).catch(() => process.exit(1)); // esbuild has printed the errors itself

await mkdir(`${root}dist`, { recursive: true });
for (const file of result.outputFiles) {
  const aside = `${file.path}.${process.pid}`;
  await writeFile(aside, file.contents);
  await chmod(aside, 0o755);
  await rename(aside, file.path);
}
// What `drydock nix install-hook` compiles and installs.
await mkdir(`${root}dist/hook`, { recursive: true });
for (const name of ['hook.rs', 'pre-build-hook.sh']) {
  await copyFile(`${root}src/mounts/hook/${name}`, `${root}dist/hook/${name}`);
}

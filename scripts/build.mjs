// Bundles src/cli/main.ts: a build with nothing to do spends most of its time on starting, so what it needs is one small
// file, and all else is in others.
// Written aside and renamed, so that whoever starts the command meanwhile never meets half of it.
import { chmod, cp, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const result = await build({
  absWorkingDir: root,
  entryPoints: { drydock: 'src/cli/main.ts' },
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  write: false,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  splitting: true,
  chunkNames: 'part-[hash]',
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
const made = new Set(result.outputFiles.map((file) => file.path));
for (const name of await readdir(`${root}dist`)) {
  if (name.startsWith('part-') && !made.has(`${root}dist/${name}`)) await rm(`${root}dist/${name}`, { force: true });
}
// What `drydock nix install-hook` compiles and installs.
await rm(`${root}dist/hook`, { recursive: true, force: true });
await mkdir(`${root}dist/hook`, { recursive: true });
for (const name of ['source', 'pre-build-hook.sh']) {
  await cp(`${root}src/mounts/hook/${name}`, `${root}dist/hook/${name}`, { recursive: true });
}

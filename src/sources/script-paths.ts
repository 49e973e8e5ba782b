/** Files beside the package that a build script's text names: it may look for them and do without when they are missing. */
import * as path from 'node:path';
import type { FileCache } from './file-cache.ts';
import { allFiles } from './walk.ts';

/** A string that leads out of the package, written plainly or after `env!("CARGO_MANIFEST_DIR")`. */
const outward = /"\/?((?:\.\.\/)+[^"\\\n{}]+)"/g;

/**
 * Absolute files of the workspace. `texts`: the script's own files. What is not there, leads out of the workspace or holds
 * the package itself is left out; a directory stands for all below it.
 */
export function pathsInScript(
  texts: Iterable<string>,
  packageRoot: string,
  workspaceRoot: string,
  cache: FileCache,
): string[] {
  const found = new Set<string>();
  for (const text of texts) {
    for (const [, name = ''] of cache.contents(text).toString('latin1').matchAll(outward)) {
      const file = path.join(packageRoot, name);
      if (!file.startsWith(`${workspaceRoot}/`) || `${packageRoot}/`.startsWith(`${file}/`)) continue;
      const kind = cache.stat(file)?.kind;
      if (kind === 'file') found.add(file);
      else if (kind === 'directory') for (const below of allFiles(file, workspaceRoot, cache)) found.add(below);
    }
  }
  return [...found];
}

import { rmSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * Bundles the command once, before the first test. Where that fails no older bundle is left over: tests that run the
 * command then fail, those of single rooms still run.
 */
export default function bundle(): void {
  const root = fileURLToPath(new URL('..', import.meta.url));
  try {
    execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: 'inherit' });
  } catch {
    rmSync(`${root}dist/drydock.mjs`, { force: true });
    process.stderr.write('test/setup.ts: dist/drydock.mjs could not be bundled\n');
  }
}

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * What tests put among temporary files lies in one directory that goes away with the run, however a test ended. Everybody
 * may enter it, as the one above: some tests have other users.
 */
export default function setUp(): () => void {
  const directory = mkdtempSync(path.join(tmpdir(), 'drydock-tests-'));
  chmodSync(directory, 0o755);
  process.env['TMPDIR'] = directory;
  bundle();
  return () => {
    // Directories of stores are read-only.
    execFileSync('chmod', ['-R', 'u+w', directory]);
    rmSync(directory, { recursive: true, force: true });
  };
}

/**
 * Bundles the command once, before the first test. Where that fails no older bundle is left over: tests that run the
 * command then fail, those of single rooms still run.
 */
function bundle(): void {
  const root = fileURLToPath(new URL('..', import.meta.url));
  try {
    execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: 'inherit' });
  } catch {
    rmSync(`${root}dist/drydock.mjs`, { force: true });
    process.stderr.write('test/setup.ts: dist/drydock.mjs could not be bundled\n');
  }
}

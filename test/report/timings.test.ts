/** The page of `--timings`. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { cargo, drydock, makeProject, normal } from './support.ts';

test('each unit that was built stands in it, and it is announced as by cargo', { timeout: 60_000 }, async () => {
  const root = makeProject({
    'Cargo.toml': '[package]\nname = "timed"\nversion = "0.1.0"\nedition = "2021"\n[workspace]\n',
    'src/lib.rs': '',
    'src/main.rs': 'fn main() {}\n',
  });
  const store = fs.mkdtempSync(path.join(os.tmpdir(), 'drydock-timings-store-'));
  onTestFinished(() => {
    for (const directory of [root, store]) fs.rmSync(directory, { recursive: true, force: true });
  });
  const ours = await drydock(root, ['build', '--timings'], store);
  const directory = path.join(root, 'target/cargo-timings');
  const pages = fs.readdirSync(directory).sort();
  expect(pages).toEqual([expect.stringMatching(/^cargo-timing-\d{8}T\d{9}Z\.html$/), 'cargo-timing.html']);
  const page = fs.readFileSync(path.join(directory, 'cargo-timing.html'), 'utf8');
  expect(page).toContain('2 of 2 units built, 0 fresh');
  expect([...page.matchAll(/<tr><td>([^<]*)<\/td>/g)].map(([, name]) => name)).toEqual(['timed', 'timed(bin)']);

  fs.rmSync(path.join(root, 'target'), { recursive: true });
  const theirs = await cargo(root, ['build', '--timings']);
  const without = (text: string) => normal(text).replace(/cargo-timing-\S+\.html/, 'PAGE');
  expect(without(ours.stderr)).toBe(without(theirs.stderr));
});

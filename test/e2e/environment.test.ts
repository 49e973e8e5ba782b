/** Which variables of the caller count for a build with nothing to do. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { manifest, Place, type Project } from './support.ts';

const place = new Place('environment');
let project: Project;

/** What is kept of builds that had nothing to do: one file for each way of calling. */
const kept = () => fs.readdirSync(path.join(place.store, 'nix/var/drydock/unchanged'));

beforeAll(async () => {
  project = place.project('reader', {
    'Cargo.toml': manifest('reader'),
    'build.rs': `fn main() {
      println!("cargo::rerun-if-env-changed=OF_SCRIPT");
      println!("cargo::rustc-env=SEEN={}", std::env::var("OF_SCRIPT").unwrap_or("none".into()));
    }`,
    'src/main.rs': 'fn main() { println!("{:?} {}", option_env!("OF_SOURCE"), env!("SEEN")); }\n',
  });
  await project.good();
  await project.good();
});

test('a variable that nothing reads is another window of the same terminal: nothing is asked', async () => {
  const before = kept();
  for (const id of ['1', '2', '3']) {
    const again = await project.good([], { WINDOW_ID: id, TERM_SESSION_ID: id });
    expect(again.compiled).toEqual([]);
  }
  expect(kept()).toEqual(before);
});

test('a variable that a source or a build script reads, set or no longer set, is seen', async () => {
  await project.good([], { OF_SOURCE: 'a' });
  expect(await project.says('reader')).toBe('Some("a") none\n');
  await project.good([], { OF_SOURCE: 'b' });
  expect(await project.says('reader')).toBe('Some("b") none\n');
  await project.good([], { OF_SCRIPT: 'c' });
  expect(await project.says('reader')).toBe('None c\n');
  await project.good();
  expect(await project.says('reader')).toBe('None none\n');
});

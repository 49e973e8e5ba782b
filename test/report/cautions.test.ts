/** What is said beside the compiler's own words: warnings of the unit graph, how a compiler died; compared with cargo. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cargo, drydock, makeProject, normal } from './support.ts';

const manifest = (name: string, more = '') =>
  `[package]\nname = "${name}"\nversion = "0.1.0"\nedition = "2021"\n${more}`;

const twoExamples = {
  'Cargo.toml': '[workspace]\nresolver = "2"\nmembers = ["a", "b"]\n',
  'a/Cargo.toml': manifest('a'),
  'a/examples/same.rs': 'fn main() {}\n',
  'a/src/lib.rs': '',
  'b/Cargo.toml': manifest('b'),
  'b/examples/same.rs': 'fn main() {}\n',
  'b/src/lib.rs': '',
};

const unlinkable = {
  'Cargo.toml': manifest('user', '[dependencies]\nonly-c = { path = "only-c" }\n[workspace]\n'),
  'src/main.rs': 'fn main() {}\n',
  'only-c/Cargo.toml': manifest('only-c', '[lib]\ncrate-type = ["staticlib"]\n'),
  'only-c/src/lib.rs': '',
};

const aborts = {
  'Cargo.toml': manifest('user', '[dependencies]\nmacros = { path = "macros" }\n[workspace]\n'),
  'src/lib.rs': '#[derive(macros::Die)]\npub struct S;\n',
  'macros/Cargo.toml': manifest('macros', '[lib]\nproc-macro = true\n'),
  'macros/src/lib.rs': `use proc_macro::TokenStream;
#[proc_macro_derive(Die)]
pub fn die(_: TokenStream) -> TokenStream {
    std::process::abort()
}
`,
};

const roots: string[] = [];
let store: string;

beforeAll(() => {
  store = fs.mkdtempSync(path.join(os.tmpdir(), 'cautions-'));
});
afterAll(() => {
  for (const root of [...roots, store]) fs.rmSync(root, { recursive: true, force: true });
});

/** What is said before the first unit, in a first and a second build. */
async function cautions(build: (root: string) => Promise<{ readonly stderr: string }>, root: string) {
  const texts = [(await build(root)).stderr, (await build(root)).stderr];
  return texts.map((text) => normal(text).replace(/^ +(Compiling|Finished).*\n/gm, ''));
}

test.each([
  ['files of the same name, every time', twoExamples, ['build', '--examples'], [true, true]],
  ['a library that nothing can link to, when its user is built', unlinkable, ['build'], [true, false]],
])('%s', { timeout: 60_000 }, async (_, files, argv, warned) => {
  const root = makeProject(files);
  roots.push(root);
  await cargo(root, ['generate-lockfile']);
  const ours = await cautions((at) => drydock(at, argv, store), root);
  fs.rmSync(path.join(root, 'target'), { recursive: true });
  expect(ours).toEqual(await cautions((at) => cargo(at, argv), root));
  expect(ours.map((text) => text.includes('warning:'))).toEqual(warned);
});

test('a compiler that is killed by a signal is told of once, by drydock', { timeout: 60_000 }, async () => {
  const root = makeProject(aborts);
  roots.push(root);
  await cargo(root, ['generate-lockfile']);
  const ours = await drydock(root, ['build', '--release'], store);
  fs.rmSync(path.join(root, 'target'), { recursive: true });
  const theirs = await cargo(root, ['build', '--release']);
  expect(normal(ours.stderr)).toBe(normal(theirs.stderr));
  expect(ours.stderr).toContain('signal: 6, SIGABRT');
});

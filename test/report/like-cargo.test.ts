/** The same crates built by cargo and through all rooms: what a user sees is the same, byte for byte. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cargo, drydock, makeProject, normal } from './support.ts';

const warns = {
  'Cargo.toml': '[package]\nname = "two-words"\nversion = "0.1.0"\nedition = "2021"\n[workspace]\n',
  'build.rs': `fn main() {
    println!("cargo::warning=careful");
    println!("cargo::rustc-env=SAID=with space");
    println!("cargo:rustc-link-search=native={}", std::env::var("OUT_DIR").unwrap());
    println!("cargo::rerun-if-changed=build.rs");
    eprint!("on stderr, and the line does not end");
    std::fs::write(std::path::Path::new(&std::env::var("OUT_DIR").unwrap()).join("made.rs"), "fn made() {}").unwrap();
  }`,
  'src/lib.rs': 'include!(concat!(env!("OUT_DIR"), "/made.rs"));\npub fn f() -> u32 { let x = 1; 2 }\nfn unused() {}\n',
  'src/main.rs': 'use std::io;\nfn main() { let mut v = two_words::f(); println!("{} {v}", env!("SAID")); }\n',
};

const fails = {
  'Cargo.toml': '[package]\nname = "bad"\nversion = "0.1.0"\nedition = "2021"\n[workspace]\n',
  'src/lib.rs': `use std::fmt;
pub fn f(x: u32) -> String { x + 1 }
macro_rules! m { ($e:expr) => { let y: String = $e; } }
fn g() { m!(3); Strnig::new(); }
fn h() { let s = String::new(); let t = s; println!("{}", s); }
struct S;
impl S { fn a(&self) {} fn a(&self) {} }
fn several(a: u32,
  b: u32) -> u32 { several(1) }
fn needs<T: Clone>(_: T) {}
fn call() { needs(S); std::fs::read("a")?; }
fn open(o: Option<u32>) -> u32 { match o { Some(x) => x } }
`,
};

const scriptFails = {
  'Cargo.toml': '[package]\nname = "script"\nversion = "0.1.0"\nedition = "2021"\n[workspace]\n',
  'build.rs': `fn main() {
    println!("cargo::warning=before the end");
    println!("just talk");
    eprintln!("last words");
    std::process::exit(3);
  }`,
  'src/lib.rs': '',
};

const scriptErrs = {
  ...scriptFails,
  'build.rs': 'fn main() { println!("cargo::error=no such thing"); println!("cargo::warning=and a warning"); }',
};

const roots: string[] = [];
let store = '';
beforeAll(() => {
  store = fs.mkdtempSync(path.join(os.tmpdir(), 'drydock-report-store-'));
});
afterAll(() => {
  for (const root of [...roots, store]) fs.rmSync(root, { recursive: true, force: true });
});

/** First build and second build, by both. */
async function both(files: Readonly<Record<string, string>>, argv: readonly string[]) {
  const root = makeProject(files);
  roots.push(root);
  const ours = [await drydock(root, argv, store), await drydock(root, argv, store)];
  fs.rmSync(path.join(root, 'target'), { recursive: true });
  const theirs = [await cargo(root, argv), await cargo(root, argv)];
  const seen = (list: readonly { readonly stdout: string; readonly stderr: string; readonly ok: boolean }[]) =>
    list.map(({ stdout, stderr, ok }) => ({ stdout: normal(stdout), stderr: normal(stderr), ok }));
  return { ours: seen(ours), theirs: seen(theirs) };
}

const short = ['--message-format', 'short', '--color', 'always'];
const json = (...more: readonly string[]) => ['--message-format', ['json', ...more].join(',')];

test.each([
  [[]],
  [['-v']],
  [['-vv']],
  [['-q']],
  [['--release', '--color', 'always']],
  [short],
  [json()],
  [json('json-diagnostic-rendered-ansi')],
])('warnings and a build script: build %j', { timeout: 60_000 }, async (argv) => {
  const { ours, theirs } = await both(warns, ['build', ...argv]);
  expect(ours).toEqual(theirs);
});

test.each([[['-v']], [short], [json('json-diagnostic-short')], [json('json-render-diagnostics')]])(
  'errors: build %j',
  { timeout: 60_000 },
  async (argv) => {
    const { ours, theirs } = await both(fails, ['build', ...argv]);
    expect(ours).toEqual(theirs);
  },
);

test.each([
  ['a build script that exits', scriptFails],
  ['a build script that reports errors', scriptErrs],
])('%s', { timeout: 60_000 }, async (_, files) => {
  const { ours, theirs } = await both(files, ['build']);
  expect(ours).toEqual(theirs);
  expect(ours[0]?.ok).toBe(false);
});

test('check', { timeout: 60_000 }, async () => {
  const { ours, theirs } = await both(warns, ['check']);
  expect(ours).toEqual(theirs);
});

/** `drydock check`, beside `cargo check`. */
import { expect, test } from 'vitest';
import { expectAlike } from './beside.ts';
import { manifest, Place, shapeOf } from './support.ts';

const place = new Place('check');

test('a warning is shown, and shown again when nothing is checked; nothing is linked', async () => {
  const project = place.project('warns', {
    'Cargo.toml': manifest('warns'),
    'src/lib.rs': 'pub fn f() -> u32 { let unused = 1; 7 }\n',
  });
  const first = await expectAlike(project, ['check']);
  expect(first.stderr).toContain('    Checking warns v0.1.0');
  const second = await expectAlike(project, ['check']);
  expect(second.stderr).toContain('unused variable');
  expect(second.stderr).not.toContain('Checking');
  await expectAlike(project, ['c', '-q']);
  expect(project.exists('target/debug/libwarns.rlib')).toBe(false);
  project.edit('src/lib.rs', 'let unused = 1; 7', '"no"');
  expect((await expectAlike(project, ['check'])).code).toBe(101);
});

test('build scripts and procedural macros are built for it', async () => {
  const project = place.project('needs', {
    'Cargo.toml': manifest('needs', '[dependencies]\nmac = { path = "mac" }\n'),
    'build.rs': 'fn main() { println!("cargo::rustc-cfg=seen"); println!("cargo::rustc-check-cfg=cfg(seen)"); }\n',
    'src/main.rs': '#[cfg(seen)] fn main() { println!("{}", mac::seven!()); }\n',
    'mac/Cargo.toml': manifest('mac', '[lib]\nproc-macro = true\n[dependencies]\nshared = { path = "../shared" }\n'),
    'shared/Cargo.toml': manifest('shared', '[lib]\ncrate-type = ["dylib"]\n'),
    'shared/src/lib.rs': 'pub fn f() {}\n',
    'mac/src/lib.rs':
      'use proc_macro::TokenStream;\n#[proc_macro] pub fn seven(_: TokenStream) -> TokenStream { "7".parse().unwrap() }\n',
  });
  const checked = await project.drydock(['check']);
  expect([checked.code, checked.stdout]).toEqual([0, '']);
  expect(checked.stderr).toContain('Finished `dev` profile [unoptimized + debuginfo] target(s)');
  for (const name of ['needs', 'libshared.so']) expect(project.exists(`target/debug/${name}`)).toBe(false);
});

/** A project whose tests do not compile, unless `cfg(test)` is off. */
const tested = {
  'Cargo.toml': manifest('tested', '[profile.dev]\npanic = "abort"\n[dev-dependencies]\n'),
  'src/lib.rs': 'pub fn f() {}\n#[cfg(test)] mod tests { #[test] fn t() { super::absent(); } }\n',
  'src/main.rs': 'fn main() { tested::f() }\n',
};

test.each([
  [['check'], 0],
  [['check', '--lib'], 0],
  [['check', '--bins'], 0],
  [['check', '--tests'], 101],
  [['check', '--all-targets'], 101],
  [['check', '--lib', '--tests'], 101],
  [['check', '--profile', 'test'], 101],
])('tests of a library are checked where they are asked for: %j', async (args, code) => {
  const project = place.project(`tested-${args.join('')}`, tested);
  const ended = await project.drydock(args);
  const theirs = await project.cargo(args, { CARGO_TARGET_DIR: 'theirs' });
  expect([ended.code, theirs.code]).toEqual([code, code]);
});

test('messages: as cargo gives them, tests told from what they test', async () => {
  const project = place.project('messages', {
    'Cargo.toml': manifest('messages'),
    'src/lib.rs': 'pub fn f() {}\n#[test] fn t() {}\n',
    'tests/outer.rs': '#[test] fn t() { messages::f(); }\n',
    'benches/b.rs': '#[test] fn t() {}\n',
  });
  const args = ['check', '--all-targets', '--message-format', 'json'];
  const ours = await project.drydock(args);
  const theirs = await project.cargo(args, { CARGO_TARGET_DIR: 'theirs' });
  expect(shapeOf(project, ours.stdout)).toEqual(shapeOf(project, theirs.stdout));
});

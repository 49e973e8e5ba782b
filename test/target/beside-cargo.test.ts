/** The whole of `target/` beside cargo's, for what decides where something lies: kinds, profiles, platforms, directories. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { manifest, Place } from '../e2e/support.ts';

const place = new Place('beside');
const lib = 'pub fn f() -> u32 { 1 }\n';
const main = 'fn main() {}\n';
const host = 'x86_64-unknown-linux-gnu';

const project = place.project('kinds', {
  'Cargo.toml':
    '[workspace]\nmembers = ["app", "mac", "dy", "st", "cd"]\nresolver = "2"\n[profile.fast]\ninherits = "release"\ndebug = 1\nsplit-debuginfo = "packed"\n',
  'app/Cargo.toml': manifest(
    'app-part',
    '[dependencies]\nmac = { path = "../mac" }\ncd = { path = "../cd" }\n[[example]]\nname = "plug"\ncrate-type = ["cdylib"]\n[[example]]\nname = "st-ex"\ncrate-type = ["staticlib"]\n[[bin]]\nname = "two-half"\npath = "src/two.rs"\n[[bin]]\nname = "app-part"\npath = "src/main.rs"\n',
  ),
  'app/build.rs':
    'fn main() { println!("cargo::rerun-if-changed=data"); std::fs::write(std::path::Path::new(&std::env::var("OUT_DIR").unwrap()).join("g.rs"), "").unwrap(); }\n',
  'app/data/x': '',
  'app/src/lib.rs': `${lib}include!(concat!(env!("OUT_DIR"), "/g.rs"));\nmac::nothing!();\n`,
  'app/src/main.rs': 'fn main() { println!("{}{}", app_part::f(), include_str!("t.txt")); }\n',
  'app/src/t.txt': 't',
  'app/src/two.rs': main,
  'app/examples/plug.rs': lib,
  'app/examples/st-ex.rs': lib,
  'app/examples/multi/main.rs': 'mod x;\nfn main() { x::f(); }\n',
  'app/examples/multi/x.rs': lib,
  'app/tests/t.rs': '#[test] fn t() {}\n',
  'mac/Cargo.toml': manifest('mac', '[lib]\nproc-macro = true\n'),
  'mac/src/lib.rs':
    'use proc_macro::TokenStream;\n#[proc_macro] pub fn nothing(_: TokenStream) -> TokenStream { TokenStream::new() }\n',
  'dy/Cargo.toml': manifest('dy', '[lib]\ncrate-type = ["dylib"]\n'),
  'dy/src/lib.rs': lib,
  'st/Cargo.toml': manifest('st', '[lib]\ncrate-type = ["staticlib"]\n'),
  'st/src/lib.rs': lib,
  'cd/Cargo.toml': manifest('cd', '[lib]\ncrate-type = ["cdylib", "rlib"]\n'),
  'cd/src/lib.rs': lib,
});

/** Where a call of these may leave something. */
const places = ['target', 'built', 'other'];

test.each([
  [['build', '--workspace', '--all-targets']],
  [['build', '--workspace', '--release', '--target', host]],
  [['build', '--workspace', '--profile', 'fast']],
  [['build', '-p', 'app-part', '--example', 'multi', '--target', host]],
  [['build', '--workspace', '--config', 'build.build-dir="built"']],
  [['build', '-p', 'cd', '--config', 'build.build-dir="built"', '--target', host]],
  [['build', '-p', 'app-part', '--bins', '--target-dir', 'other/in']],
  [['build', '-p', 'app-part', '--config', 'build.dep-info-basedir="."']],
  [['check', '--workspace', '--all-targets']],
  [['test', '--no-run', '-p', 'app-part']],
])('%j', async (args) => {
  const after = async (program: 'cargo' | 'drydock') => {
    for (const name of places) fs.rmSync(project.at(name), { recursive: true, force: true });
    const ended = await project[program](args);
    expect(ended.code, ended.stderr).toBe(0);
    return contents();
  };
  const theirs = await after('cargo');
  expect(Object.keys(theirs).length).toBeGreaterThan(15);
  expect(await after('drydock')).toEqual(theirs);
});

/**
 * What lies there, by its name without identities: the text of dep-info and tags, of all else whether it can be run.
 * Incremental state, locks and kept diagnostics are each one's own. Where a library and a shared one have one dep-info
 * file, cargo names either, by chance; and what it has asked rustc it keeps only if the directory is there in time.
 */
function contents(): Readonly<Record<string, readonly string[]>> {
  const found: Record<string, string[]> = {};
  for (const base of places.filter((name) => project.exists(name))) {
    for (const entry of fs.readdirSync(project.at(base), { recursive: true, withFileTypes: true })) {
      const file = path.join(entry.parentPath, entry.name);
      if (/\/incremental\/|\.cargo-[a-z-]*lock$|\/output-[^/]*$|\/\.rustc_info\.json$/.test(file)) continue;
      const text = entry.isFile() && /\.d$|\/CACHEDIR\.TAG$|\/root-output$/.test(file);
      const what = text ? fs.readFileSync(file, 'utf8').replace(/^(\S+libcd)\.(so|rlib):/, '$1:') : kindOf(file);
      (found[plain(path.relative(project.root, file))] ??= []).push(plain(what));
    }
  }
  return Object.fromEntries(Object.entries(found).map(([name, all]) => [name, all.sort()]));
}

function kindOf(file: string): string {
  const { mode } = fs.lstatSync(file);
  return `${(mode & 0o170000).toString(8)} ${(mode & 0o100).toString(8)}`;
}

function plain(text: string): string {
  return text.replaceAll(/-[0-9a-f]{16}/g, '-#');
}

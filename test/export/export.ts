/** An export of small projects: what it evaluates to, how it is built, and what it lives through. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sha256 } from '../../src/nix/hash.ts';
import { run } from '../../src/sys/run.ts';
import { makeProject, type Project } from '../cargo/project.ts';
import { gitRepository, pack, sparseRegistry } from '../cargo/registry.ts';
import type { Launch } from '../daemon/daemon.ts';
import { drydock, exported, instantiated, type Nix, openNix, planned, snapshot } from './support.ts';

export function exportSuite(launch: Launch): void {
  let nix: Nix;
  beforeAll(() => {
    nix = openNix(launch);
  });
  afterAll(() => nix.remove());

  const hello = {
    'Cargo.toml': '[package]\nname = "hello"\nversion = "0.1.0"\nedition = "2021"\n',
    'src/main.rs': 'mod part;\nfn main() { println!("{}", part::text()); }\n',
    'src/part.rs': 'pub fn text() -> &\'static str { "first" }\n',
  };

  /** One package as `cargo vendor` lays it out. */
  function vendored(files: Readonly<Record<string, string>>): Record<string, string> {
    const name = Object.keys(files)[0]?.split('/')[0] ?? '';
    const sums = Object.entries(files).map(([file, text]) => [file.slice(name.length + 1), sha256(text)]);
    const checksums = JSON.stringify({ files: Object.fromEntries(sums) as unknown, package: sha256(name) });
    const all = Object.entries({ ...files, [`${name}/.cargo-checksum.json`]: checksums });
    return Object.fromEntries(all.map(([file, text]) => [`vendor/${file}`, text]));
  }

  /** What a build prints: the program lies in the private store, not where its path says. */
  async function runResult(project: Project, name: string): Promise<string> {
    const target = fs.readlinkSync(path.join(project.root, 'result'));
    const binary = fs.readlinkSync(path.join(nix.real(target), name));
    const { stdout, stderr } = await run(nix.real(binary), []);
    return stdout.toString() + stderr.toString();
  }

  const caller = ['nix/cargo_build_caller.nix', '-A', 'target'];

  test('an export evaluates to the planned derivations, is built by stock Nix, and lives through edits', async () => {
    const project = makeProject(hello);
    expect(await exported(project)).toMatch(/^nix: \d+ files, \d+ written, 0 removed\n$/);
    expect(await instantiated(nix, project)).toEqual(await planned(project, '--pure'));
    expect(await instantiated(nix, project, {})).toEqual(await planned(project));
    const [granted = ''] = await instantiated(nix, project, { cacheGrants: '/grants' });
    expect(fs.readFileSync(nix.real(granted), 'utf8')).toContain('("cacheGrants","/grants"),("cacheMounts","[');
    await nix.tool('nix-build', caller, project.root, project.environment);
    expect(await runResult(project, 'debug/hello')).toBe('first\n');

    const before = snapshot(project);
    expect(await exported(project)).toMatch(/ 0 written, 0 removed/);
    project.write({ 'src/part.rs': 'pub fn text() -> &\'static str { "second" }\n' });
    expect(await exported(project)).toMatch(/ 0 written, 0 removed/);
    expect(snapshot(project)).toEqual(before);
    const command = ['build', '--file', 'nix/cargo_build_caller.nix', 'target', '-L'];
    await nix.tool('nix', command, project.root, project.environment);
    expect(await runResult(project, 'debug/hello')).toBe('second\n');

    project.write({ 'src/main.rs': 'mod part;\nmod more;\nfn main() { println!("{}", more::text()); }\n' });
    project.write({ 'src/more.rs': "pub fn text() -> &'static str { crate::part::text() }\n" });
    expect(await exported(project)).toMatch(/ 1 written, 0 removed/);
    expect(await instantiated(nix, project)).toEqual(await planned(project, '--pure'));
  });

  test('units that are gone leave, files of others stay, and none is overwritten', async () => {
    const project = makeProject({
      ...hello,
      'src/bin/other.rs': 'fn main() {}\n',
      'nix/derivations/mine.nix': '{ }\n',
    });
    await exported(project);
    const others = () => fs.readdirSync(path.join(project.root, 'nix/derivations')).length;
    expect(others()).toBe(3);
    fs.rmSync(path.join(project.root, 'src/bin/other.rs'));
    expect(await exported(project)).toMatch(/ 1 removed/);
    expect(others()).toBe(2);
    project.write({ 'elsewhere/default.nix': '{ }\n' });
    const { code, stderr } = await drydock(project, 'export', 'nix', '--out', 'elsewhere');
    expect([code, stderr]).toEqual([101, expect.stringMatching(/D0901.*elsewhere\/default\.nix is in the way/)]);
    expect(fs.readdirSync(path.join(project.root, 'elsewhere'))).toEqual(['default.nix']);
    expect((await drydock(project, 'export')).stderr).toMatch(/D0806/);
  });

  test('build scripts, C, procedural macros, and packages of every kind of source', async () => {
    const lib = (name: string) => ({
      [`${name}/Cargo.toml`]: `[package]\nname = "${name}"\nversion = "0.1.0"\nedition = "2021"\n`,
      [`${name}/src/lib.rs`]: `pub fn text() -> &'static str { "${name}" }\n`,
    });
    // Its metadata names a directory among its own sources, which the dependent's script then reads.
    const linked = (name: string) => ({
      ...lib(name),
      [`${name}/Cargo.toml`]: `[package]\nname = "${name}"\nversion = "0.1.0"\nedition = "2021"\nlinks = "${name}"\n`,
      [`${name}/build.rs`]:
        'fn main() { println!("cargo::metadata=sources={}/src", std::env::var("CARGO_MANIFEST_DIR").unwrap()); }\n',
    });
    const packed = makeProject({ ...linked('fromregistry') });
    const registry = await sparseRegistry(await pack(packed, 'fromregistry', 'fromregistry'));
    const repository = makeProject({ ...lib('fromgit') });
    await gitRepository(path.join(repository.root, 'fromgit'));
    const project = makeProject({
      'Cargo.toml': `[package]
name = "mixed"
version = "0.1.0"
edition = "2021"
description = "with \\"quotes\\", \${braces} and 'more'"
[workspace]
members = ["macros"]
[dependencies]
macros = { path = "macros" }
outside = { path = "../outside" }
fromgit = { git = "file://${repository.root}/fromgit" }
fromregistry = { version = "0.1", registry = "own" }
fromvendor = "0.1"
`,
      '.cargo/config.toml': `[registries.own]\nindex = "${registry}"\n[source.crates-io]\nreplace-with = "vendor"\n[source.vendor]\ndirectory = "vendor"\n[env]\nSAID = "it's \\"\${said}\\""\n`,
      'build.rs': `fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    let run = |program: &str, args: &[&str]| assert!(std::process::Command::new(program).args(args).status().unwrap().success());
    for name in ["DEP_FROMREGISTRY_SOURCES", "DEP_FROMVENDOR_SOURCES"] {
        assert!(std::path::Path::new(&std::env::var(name).unwrap()).join("lib.rs").exists());
    }
    run("cc", &["-c", "native/answer.c", "-o", &format!("{out}/answer.o")]);
    run("ar", &["rcs", &format!("{out}/libanswer.a"), &format!("{out}/answer.o")]);
    println!("cargo:rustc-link-search=native={out}");
    println!("cargo:rustc-link-lib=static=answer");
}
`,
      'native/answer.c': 'int answer(void) { return 42; }\n',
      'src/main.rs': `extern "C" { fn answer() -> i32; }
fn main() {
    let texts = [outside::text(), fromgit::text(), fromregistry::text(), fromvendor::text(), macros::text!(), env!("SAID")];
    println!("{} {}", unsafe { answer() }, texts.join(" "));
}
`,
      'macros/Cargo.toml':
        '[package]\nname = "macros"\nversion = "0.1.0"\nedition = "2021"\n[lib]\nproc-macro = true\n',
      'macros/src/lib.rs':
        'use proc_macro::TokenStream;\n#[proc_macro]\npub fn text(_: TokenStream) -> TokenStream { "\\"macro\\"".parse().unwrap() }\n',
      '../outside/Cargo.toml': '[package]\nname = "outside"\nversion = "0.1.0"\nedition = "2021"\n',
      '../outside/src/lib.rs': 'pub fn text() -> &\'static str { "outside" }\n',
      ...vendored(linked('fromvendor')),
    });
    await exported(project);
    const pure = await planned(project, '--pure');
    expect(await instantiated(nix, project)).toEqual(pure);
    expect(await instantiated(nix, project, {})).toEqual(await planned(project));
    // The build script may read the whole package, but the export is no part of it.
    expect(await exported(project)).toMatch(/ 0 written, 0 removed/);
    const names = fs.readdirSync(path.join(project.root, 'nix/derivations'));
    for (const shape of [
      /^mixed-0\.1\.0-bin-\w{16}\.nix$/,
      /-script_build-/,
      /-script_build_run-/,
      /^fromgit-0\.1\.0-\w{16}\.nix$/,
    ])
      expect(names).toContainEqual(expect.stringMatching(shape));
    await nix.tool('nix-build', caller, project.root, project.environment);
    expect(await runResult(project, 'debug/mixed')).toBe(
      `42 outside fromgit fromregistry fromvendor macro it's "\${said}"\n`,
    );

    // Without cargo's copy of the archive it is fetched from the registry: another store has neither.
    const other = openNix(launch);
    try {
      fs.rmSync(path.join(project.environment['CARGO_HOME'] ?? '', 'registry/cache'), { recursive: true });
      expect(await instantiated(other, project)).toEqual(pure);
    } finally {
      await other.remove();
    }
  });

  test('a tree with symlinks in it is copied, and the copy is refused when it is old', async () => {
    const project = makeProject({ ...hello, 'common/part.rs': hello['src/part.rs'] });
    fs.rmSync(path.join(project.root, 'src/part.rs'));
    fs.symlinkSync('../common/part.rs', path.join(project.root, 'src/part.rs'));
    expect(await exported(project)).toMatch(
      /note: sources\/\S+ is a copy, because its files are reached through symlinks/,
    );
    expect(await instantiated(nix, project)).toEqual(await planned(project, '--pure'));
    expect(await exported(project)).toMatch(/ 0 written, 0 removed/);
    project.write({ 'common/part.rs': 'pub fn text() -> &\'static str { "third" }\n' });
    await expect(instantiated(nix, project)).rejects.toThrow(/src\/part\.rs is not as it was exported/);
    expect(await exported(project)).toMatch(/ 3 written, 2 removed/);
    expect(await instantiated(nix, project)).toEqual(await planned(project, '--pure'));
  });
}

/** Options and kinds of projects: what `cargo build` does with them, drydock does. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { manifest, Place, type Project, shapeOf } from './support.ts';

const place = new Place('kinds');

/** Names below a directory, without identities, incremental state, locks, and diagnostics (here they are in the store). */
function tree(directory: string): string[] {
  return fs
    .readdirSync(directory, { recursive: true })
    .map((name) => String(name).replaceAll(/-[0-9a-f]{16}/g, '-#'))
    .filter((name) => !/(^|\/)incremental\//.test(name))
    .filter((name) => !/(^|\/)(\.cargo-[a-z-]*lock|output-[^/]*)$/.test(name))
    .sort();
}

describe('options', () => {
  let project: Project;
  beforeAll(async () => {
    project = place.project('options', {
      'Cargo.toml': manifest(
        'options',
        '[lib]\ncrate-type = ["rlib", "cdylib"]\n[profile.custom]\ninherits = "release"\n',
      ),
      'src/lib.rs':
        'pub fn n() -> u32 { let unused = 1; 7 }\n#[no_mangle] pub extern "C" fn options_n() -> u32 { n() }\n',
      'src/main.rs': 'fn main() { print!("{}", options::n()); }\n',
      'examples/shown.rs': 'fn main() { print!("example {}", options::n()); }\n',
    });
    await project.good();
  });

  const host = (verbose: string) => /host: (.*)/.exec(verbose)?.[1] ?? '';

  test('what lies in target/ has the names and places that cargo gives', async () => {
    for (const args of [['--examples'], ['--release'], ['--profile', 'custom']]) await project.good(args);
    const triple = host((await project.run('rustc', ['-vV'])).stdout);
    await project.good(['--target', triple]);
    for (const args of [[], ['--examples'], ['--release'], ['--profile', 'custom'], ['--target', triple]]) {
      const theirs = await project.cargo(['build', ...args], { CARGO_TARGET_DIR: 'theirs' });
      expect(theirs.code, theirs.stderr).toBe(0);
    }
    expect(tree(project.at('target'))).toEqual(tree(project.at('theirs')));
    for (const profile of ['debug', 'release', 'custom', `${triple}/debug`]) {
      expect((await project.run(project.at(`target/${profile}/options`), [])).stdout).toBe('7');
      expect(project.exists(`target/${profile}/liboptions.so`)).toBe(true);
    }
    expect((await project.run(project.at('target/debug/examples/shown'), [])).stdout).toBe('example 7');
  });

  test('--target-dir and CARGO_TARGET_DIR', async () => {
    expect((await project.good(['--target-dir', 'elsewhere'])).compiled).toEqual([]);
    expect((await project.run(project.at('elsewhere/debug/options'), [])).stdout).toBe('7');
    await project.good([], { CARGO_TARGET_DIR: project.at('variable') });
    expect((await project.run(project.at('variable/debug/options'), [])).stdout).toBe('7');
  });

  test('-q, -v, -vv: what is printed, and no unit is built for it', async () => {
    const quiet = await project.drydock(['build', '-q']);
    expect([quiet.code, quiet.stdout]).toEqual([0, '']);
    expect(quiet.stderr).not.toMatch(/Finished|Compiling/);
    const verbose = await project.drydock(['build', '-v']);
    expect(verbose.stderr).toContain(`       Fresh options v0.1.0 (${project.root})`);
    expect((await project.good(['-vv'])).compiled).toEqual([]);
    expect((await project.drydock(['build', '-j1'])).code).toBe(0);
  });

  test('--message-format: messages as cargo gives them', async () => {
    project.edit('src/lib.rs', 'unused = 1', 'unused = 2');
    const ours = await project.drydock(['build', '--message-format', 'json']);
    const theirs = await project.cargo(['build', '--message-format', 'json'], { CARGO_TARGET_DIR: 'theirs' });
    expect(shapeOf(project, ours.stdout)).toEqual(shapeOf(project, theirs.stdout));
    const short = await project.drydock(['build', '--message-format', 'short']);
    expect(short.stderr).toContain('src/lib.rs:1:25: warning: unused variable: `unused`');
  });

  test('--keep-going builds what does not depend on what failed', async () => {
    const many = place.project('many', {
      'Cargo.toml': '[workspace]\nmembers = ["bad", "good", "over"]\nresolver = "2"\n',
      'bad/Cargo.toml': manifest('bad'),
      'bad/src/lib.rs': 'compile_error!("no");\n',
      'good/Cargo.toml': manifest('good'),
      'good/src/main.rs': 'fn main() {}\n',
      'over/Cargo.toml': manifest('over', '[dependencies]\nbad = { path = "../bad" }\n'),
      'over/src/main.rs': 'fn main() {}\n',
    });
    const ended = await many.build(['--keep-going', '-j1']);
    expect([ended.code, ended.compiled]).toEqual([101, ['good (bin)']]);
    expect(ended.stderr).toContain('error: could not compile `bad` (lib) due to 1 previous error');
    expect((await many.good(['-p', 'good'])).compiled).toEqual([]);
  });
});

describe('where packages come from', () => {
  test('a package outside of the workspace, one from git, and a vendored one that links C', async () => {
    const vendored = place.project('vendored-source', {
      'Cargo.toml': manifest('clib', 'links = "clib"\nbuild = "build.rs"\n'),
      'build.rs': `use std::process::Command;
fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    let ok = |command: &mut Command| assert!(command.status().unwrap().success());
    ok(Command::new("cc").args(["-c", "-fPIC", "src/c.c", "-o"]).arg(format!("{out}/c.o")));
    ok(Command::new("ar").arg("crs").arg(format!("{out}/libc_part.a")).arg(format!("{out}/c.o")));
    println!("cargo::rustc-link-search=native={out}");
    println!("cargo::rustc-link-lib=static=c_part");
    println!("cargo::metadata=answer=42");
    println!("cargo::metadata=sources={}/src", std::env::var("CARGO_MANIFEST_DIR").unwrap());
}
`,
      'src/c.c': 'int c_part(void) { return 40; }\n',
      'src/lib.rs': 'extern "C" { fn c_part() -> i32; }\npub fn n() -> i32 { unsafe { c_part() } }\n',
    });
    const git = place.project('from-git', {
      'Cargo.toml': manifest('fromgit'),
      'src/lib.rs': 'pub const N: i32 = 2;\n',
    });
    for (const args of [
      ['init', '-q'],
      ['add', '.'],
      ['-c', 'user.name=t', '-c', 'user.email=t@example.org', 'commit', '-qm', 'first'],
    ]) {
      expect((await git.run('git', args)).code).toBe(0);
    }
    const outer = place.project('outer', {
      'ws/Cargo.toml':
        '[workspace]\n' +
        manifest(
          'app',
          `[dependencies]\nclib = "0.1"\nbeside = { path = "../beside" }\nfromgit = { git = "file://${git.root}" }\n`,
        ),
      'ws/build.rs': `fn main() {
    println!("cargo::rustc-env=ANSWER={}", std::env::var("DEP_CLIB_ANSWER").unwrap());
    let sources = std::env::var("DEP_CLIB_SOURCES").unwrap();
    assert!(std::fs::read_to_string(format!("{sources}/c.c")).unwrap().contains("c_part"));
}
`,
      'ws/src/main.rs': 'fn main() { print!("{} {} {}", env!("ANSWER"), clib::n() + fromgit::N, beside::TEXT); }\n',
      '.cargo/config.toml': '[source.crates-io]\nreplace-with = "v"\n[source.v]\ndirectory = "ws/vendor"\n',
      'beside/Cargo.toml': manifest('beside'),
      'beside/src/lib.rs': 'pub const TEXT: &str = include_str!("../text");\n',
      'beside/text': 'beside',
    });
    const vendor = outer.at('ws/vendor/clib');
    fs.cpSync(vendored.root, vendor, { recursive: true });
    const sums = JSON.parse(
      (
        await outer.run('sh', [
          '-c',
          `cd ${vendor} && sha256sum Cargo.toml build.rs src/c.c src/lib.rs | awk 'BEGIN{printf "{"} {printf "%s\\"%s\\":\\"%s\\"", (NR>1?",":""), $2, $1} END{print "}"}'`,
        ])
      ).stdout,
    ) as object;
    fs.writeFileSync(
      path.join(vendor, '.cargo-checksum.json'),
      JSON.stringify({ files: sums, package: 'a'.repeat(64) }),
    );
    const args = ['--manifest-path', 'ws/Cargo.toml'];
    await outer.good(args);
    const says = async () => (await outer.run(outer.at('ws/target/debug/app'), [])).stdout;
    expect(await says()).toBe('42 42 beside');
    outer.write({ 'beside/text': 'changed' });
    expect((await outer.good(args)).compiled).toEqual(['app (bin)', 'beside (lib)']);
    expect(await says()).toBe('42 42 changed');
    expect((await outer.good([...args, '-vv'])).compiled).toEqual([]);
    fs.appendFileSync(path.join(vendor, 'src/c.c'), '/* tampered */\n');
    const fresh = [...args, '--target-dir', 'fresh', '--store', path.join(place.directory, 'fresh-store')];
    const tampered = await outer.build(fresh);
    expect(tampered.code).toBe(101);
    expect(tampered.stderr).toContain('error[D0405]');
  });
});

describe('what one can ask', () => {
  let project: Project;
  beforeAll(async () => {
    project = place.project('asked', {
      'Cargo.toml': '[workspace]\nmembers = ["one", "two"]\nresolver = "2"\n',
      'one/Cargo.toml': manifest('one'),
      'one/src/lib.rs': 'pub fn n() -> u32 { 1 }\n',
      'two/Cargo.toml': manifest('two', '[dependencies]\none = { path = "../one" }\n'),
      'two/src/main.rs': 'fn main() { print!("{}", one::n()); }\n',
    });
    await project.good(['-p', 'two']);
  });

  test('plan lists every unit, as a table and as JSON; its derivations are in the store and parse', async () => {
    const rows = JSON.parse((await project.drydock(['plan', '--json'])).stdout) as Record<string, string>[];
    expect(rows.map((row) => [row['package'], row['target'], row['lane']])).toEqual([
      [expect.stringMatching(/one#0\.1\.0$/), 'one', 'dev'],
      [expect.stringMatching(/two#0\.1\.0$/), 'two', 'dev'],
    ]);
    const text = (await project.drydock(['plan'])).stdout;
    for (const row of rows) {
      expect(text).toContain(row['drvPath']);
      const shown = JSON.parse((await project.drydock(['show-derivation', row['drvPath'] ?? ''])).stdout) as Record<
        string,
        { outputs: { out: { path: string } }; builder: string; env: Record<string, string> }
      >;
      const derivation = shown[row['drvPath'] ?? ''];
      expect(derivation?.outputs.out.path).toBe(row['outPath']);
      expect(derivation?.builder).toBe('/bin/sh');
      expect(derivation?.env['step']).toBe('compile');
    }
  });

  test('explain UNIT tells of one unit; store and gc tell what there is', async () => {
    expect((await project.drydock(['explain', 'one'])).stdout).toBe(
      '`one` (lib): built because it was not built here before\n',
    );
    const store = await project.drydock(['store']);
    expect(store.stdout).toMatch(/ {2}pure {2}\d+ paths, .*\n {2}dev {3}\d+ paths, .*\n$/);
    const collected = await project.drydock(['gc']);
    expect(collected.stdout).toMatch(/^\d+ paths removed, .* freed\n$/);
    expect((await project.good(['-p', 'two'])).compiled).toEqual([]);
    expect((await project.drydock(['store', 'verify'])).stdout).toBe('0 of its paths are not what they should be\n');
  });

  test('doctor finds nothing missing where builds work', async () => {
    const ended = await project.drydock(['doctor']);
    expect(ended.code, ended.stdout).toBe(0);
    expect(ended.stdout).toContain('bubblewrap');
  });
});

test('a build directory of its own: what tests write goes there, and the target directory is tagged all the same', async () => {
  const project = place.project('apart', {
    'Cargo.toml': manifest('apart'),
    '.cargo/config.toml': '[build]\nbuild-dir = "between"\n',
    'src/main.rs': 'fn main() {}\n',
    'tests/it.rs': '#[test] fn it() { std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/file"), "").unwrap(); }\n',
  });
  expect((await project.drydock(['test'])).code).toBe(0);
  const made = ['target/CACHEDIR.TAG', 'between/CACHEDIR.TAG', 'between/tmp/file', 'target/tmp'];
  const ours = made.map((name) => project.exists(name));
  for (const name of ['target', 'between']) project.remove(name);
  expect((await project.cargo(['test'])).code).toBe(0);
  expect(ours).toEqual(made.map((name) => project.exists(name)));
  expect(ours).toEqual([true, true, true, false]);
});

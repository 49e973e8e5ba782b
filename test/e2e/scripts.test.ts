/** Build scripts, procedural macros and what they read. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { manifest, Place } from './support.ts';

const place = new Place('scripts');

/** A package whose build script has this body and whose program prints what the script passes on. */
function scripted(name: string, body: string, more: Readonly<Record<string, string>> = {}) {
  return place.project(name, {
    'Cargo.toml': manifest(name),
    'build.rs': `fn main() {\n${body}\n}\n`,
    'src/main.rs': 'fn main() { print!("{}", env!("FROM_SCRIPT")); }\n',
    ...more,
  });
}

test('rerun-if-env-changed: the variable is given, and its change runs the script again', async () => {
  const project = scripted(
    'variable',
    `println!("cargo::rerun-if-env-changed=DD_MODE");
println!("cargo::rustc-env=FROM_SCRIPT={:?}", std::env::var("DD_MODE"));`,
  );
  await project.good([], { DD_MODE: 'fast' });
  expect(await project.says('variable')).toBe('Ok("fast")');
  expect((await project.good([], { DD_MODE: 'fast', DD_OTHER: '1' })).compiled).toEqual([]);
  await project.good([], { DD_MODE: 'slow' });
  expect(await project.says('variable')).toBe('Ok("slow")');
  await project.good();
  expect(await project.says('variable')).toBe('Err(NotPresent)');
});

test('a variable that a script names before it fails for want of it is given', async () => {
  const project = scripted(
    'wanted',
    `let name = ["DD", "WANTED"].join("_");
println!("cargo::rerun-if-env-changed={name}");
println!("cargo::rustc-env=FROM_SCRIPT={}", std::env::var(name).unwrap());`,
  );
  expect((await project.build()).code).toBe(101);
  await project.good([], { DD_WANTED: 'fast' });
  expect(await project.says('wanted')).toBe('fast');
  await project.good([], { DD_WANTED: 'slow' });
  expect(await project.says('wanted')).toBe('slow');
});

test('a variable that a script names and nobody had set runs it again once it is set', async () => {
  const project = scripted(
    'unset',
    `println!("cargo::rerun-if-env-changed=DD_LATER");
println!("cargo::rustc-env=FROM_SCRIPT={:?}", std::env::var("DD_LATER"));`,
  );
  await project.good();
  expect(await project.says('unset')).toBe('Err(NotPresent)');
  await project.good([], { DD_LATER: '1' });
  expect(await project.says('unset')).toBe('Ok("1")');
});

test('which packages were asked for is told to units that read it, and builds no others again', async () => {
  const member = (name: string, more: string) => manifest(name) + more;
  const project = place.project('primary', {
    'Cargo.toml': '[workspace]\nmembers = ["a", "b"]\nresolver = "2"\n',
    'a/Cargo.toml': member('a', '[dependencies]\nb = { path = "../b" }\n'),
    'a/src/main.rs': 'fn main() { print!("{:?} {}", option_env!("CARGO_PRIMARY_PACKAGE"), b::B); }\n',
    'b/Cargo.toml': member('b', ''),
    'b/src/lib.rs': 'pub const B: u8 = 1;\n',
  });
  await project.good(['--workspace']);
  expect(await project.says('a')).toBe('Some("1") 1');
  expect((await project.good(['-p', 'a'])).compiled).toEqual([]);
});

test('what the manifest says in words builds only what reads it', { timeout: 60_000 }, async () => {
  const says = (more: string) => manifest('words', `${more}\n`);
  const project = place.project('words', {
    'Cargo.toml': says('description = "one"'),
    'src/main.rs': 'fn main() { print!("{}", env!("CARGO_PKG_DESCRIPTION")); }\n',
  });
  await project.good();
  expect(await project.says('words')).toBe('one');
  project.write({ 'Cargo.toml': says('description = "two"\nhomepage = "https://example.org"') });
  const dirty = await project.drydock(['build', '-v']);
  expect(dirty.stderr).toContain(': the environment variable CARGO_PKG_DESCRIPTION changed\n');
  expect(await project.says('words')).toBe('two');
  project.write({ 'Cargo.toml': says('description = "two"\nhomepage = "https://example.com"') });
  expect((await project.good()).compiled).toEqual([]);
  // Not to be found in the text: rustc's error tells the name.
  project.write({ 'src/main.rs': 'fn main() { print!("{}", env!(concat!("CARGO_PKG_", "LICENSE"))); }\n' });
  project.write({ 'Cargo.toml': says('license = "MIT"') });
  await project.good();
  expect(await project.says('words')).toBe('MIT');
  project.write({ 'Cargo.toml': says('license = "ISC"') });
  await project.good();
  expect(await project.says('words')).toBe('ISC');
});

test('of several variables of a script the first that it names is the one told of', { timeout: 60_000 }, async () => {
  const project = scripted(
    'several',
    `println!("cargo::rerun-if-env-changed=DD_Z");
if std::env::var("DD_Z").is_ok() { println!("cargo::rerun-if-env-changed=DD_A"); }
println!("cargo::rustc-env=FROM_SCRIPT=x");`,
  );
  await project.good();
  await project.good([], { DD_Z: '1', DD_A: '1' });
  const { stderr } = await project.drydock(['build', '-v'], { DD_A: '2' });
  expect(stderr).toContain(': the env variable DD_Z changed\n');
});

test('rerun-if-changed narrows what a script depends on', async () => {
  const project = scripted(
    'narrow',
    `println!("cargo::rerun-if-changed=data/read.txt");
println!("cargo::rustc-env=FROM_SCRIPT={}", std::fs::read_to_string("data/read.txt").unwrap());`,
    { 'data/read.txt': 'one', 'data/unread.txt': 'x' },
  );
  await project.good();
  expect(await project.says('narrow')).toBe('one');
  project.write({ 'data/unread.txt': 'y' });
  expect((await project.good()).compiled).toEqual([]);
  project.write({ 'data/read.txt': 'two' });
  await project.good();
  expect(await project.says('narrow')).toBe('two');
});

test('a script without rerun-if-changed sees every file of its package', async () => {
  const project = scripted(
    'wide',
    `let mut names: Vec<_> = std::fs::read_dir("data").unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
names.sort();
println!("cargo:rustc-env=FROM_SCRIPT={}", names.join(" "));`,
    { 'data/a': '' },
  );
  await project.good();
  expect(await project.says('wide')).toBe('a');
  project.write({ 'data/b': '' });
  await project.good();
  expect(await project.says('wide')).toBe('a b');
  project.remove('data/a');
  await project.good();
  expect(await project.says('wide')).toBe('b');
});

test('a file of the workspace that a script reads without a word is found, whether its absence is an error or not', async () => {
  const project = place.project('undeclared', {
    'Cargo.toml': '[workspace]\nmembers = ["member"]\nresolver = "2"\n',
    'common/version.txt': '7',
    'member/Cargo.toml': manifest('member'),
    'member/build.rs': `fn main() {
    let file = std::path::Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).parent().unwrap().join("common/version.txt");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let flag = std::path::Path::new("../flags/on").exists();
    println!("cargo::rustc-env=FROM_SCRIPT={text} {flag}");
}
`,
    'flags/on': '',
    'member/src/main.rs': 'fn main() { print!("{}", env!("FROM_SCRIPT")); }\n',
  });
  await project.good();
  expect(await project.says('member')).toBe('7 true');
  project.write({ 'common/version.txt': '8' });
  await project.good();
  expect(await project.says('member')).toBe('8 true');
  project.remove('flags/on');
  await project.good();
  expect(await project.says('member')).toBe('8 false');
});

test('a file that no sandbox shows: the error names it, and how to allow it where it can be', async () => {
  const file = path.join(place.directory, 'elsewhere.txt');
  fs.writeFileSync(file, 'x');
  const project = scripted('reaches', `std::fs::read_to_string("${file}").expect("${file}");`);
  const ended = await project.drydock(['build']);
  expect(ended.code).toBe(101);
  expect(ended.stderr).toContain('error: failed to run custom build command for `reaches v0.1.0');
  expect(ended.stderr).toContain(
    `error[D0305]: the build script of \`reaches 0.1.0\` names a file that its sandbox does not have\n  wanted:  ${file}\n  to do: `,
  );
});

test.each([
  ['the network', 'std::net::TcpStream::connect("192.0.2.1:80").unwrap();', 'D0306'],
  ['the network, through a program', 'panic!("curl: (6) Could not resolve host: example.com");', 'D0306'],
  ['the repository', 'std::fs::read_to_string(".git/HEAD").unwrap();', 'D0307'],
  ['nothing of the sandbox', 'panic!("as it likes");', null],
])('a script that fails for want of %s', async (_, lines, code) => {
  const project = scripted('wants', lines);
  project.write({ '.git/HEAD': 'ref: refs/heads/main' });
  const ended = await project.drydock(['build']);
  expect(ended.code).toBe(101);
  expect(ended.stderr).toContain('error: failed to run custom build command for `wants v0.1.0');
  expect(/error\[(D\d+)\]: the build script of `wants 0\.1\.0` .*\n {2}to do: /.exec(ended.stderr)?.[1] ?? null).toBe(
    code,
  );
});

test('what a script finds in its own way is allowed by the manifest', async () => {
  const project = place.project('allowed', {
    'Cargo.toml': '[workspace]\nmembers = ["member"]\nresolver = "2"\n',
    'common/words.txt': 'one',
    'member/Cargo.toml': manifest('member', '[package.metadata.drydock]\ninputs = ["../common/*.txt"]\n'),
    'member/build.rs': `fn main() {
    let mut directory = std::env::current_dir().unwrap();
    directory.pop();
    let text = std::fs::read_to_string(directory.join("common").join("words.txt")).unwrap_or_default();
    println!("cargo::rustc-env=FROM_SCRIPT={text}");
}
`,
    'member/src/main.rs': 'fn main() { print!("{}", env!("FROM_SCRIPT")); }\n',
  });
  await project.good();
  expect(await project.says('member')).toBe('one');
  project.write({ 'common/words.txt': 'two' });
  await project.good();
  expect(await project.says('member')).toBe('two');
});

test('what a script leaves in OUT_DIR that the store cannot keep is named, and nothing of it is kept', async () => {
  const script = (text: string) => `let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
use std::os::unix::{ffi::OsStrExt, net::UnixListener};
let named = |name: &[u8]| out.join(std::ffi::OsStr::from_bytes(name));
${text}
println!("cargo::rerun-if-changed=build.rs");
println!("cargo::rustc-env=FROM_SCRIPT=kept");`;
  const bound = 'UnixListener::bind(named(b"s")).unwrap();';
  const project = scripted('odd', script(''));
  const leaving = async (text: string) => {
    project.write({ 'build.rs': `fn main() {\n${script(text)}\n}\n` });
    const { code, stderr } = await project.build();
    return [code, /error\[.*/.exec(stderr)?.[0]];
  };
  const said = (words: string) => [101, `error[D0506]: what was made cannot be kept in the store: ${words}`];
  expect(await leaving('std::fs::write(named(b"a\\xff"), "").unwrap();')).toEqual(
    said('out/a\ufffd has a name that is not UTF-8'),
  );
  expect(await leaving('std::os::unix::fs::symlink(named(b"\\xff"), named(b"b")).unwrap();')).toEqual(
    said('out/b is a symlink to a name that is not UTF-8'),
  );
  expect(await leaving(bound)).toEqual(said('out/s is a socket'));
  project.edit('build.rs', bound, `${bound} std::fs::remove_file(named(b"s")).unwrap();`);
  await project.good();
  expect(await project.says('odd')).toBe('kept');
});

test('a script that panics: what it said, as cargo tells it, and code 101', async () => {
  const project = scripted('panics', `println!("before"); eprintln!("on stderr"); panic!("no good");`);
  const ours = await project.drydock(['build']);
  expect(ours.code).toBe(101);
  expect(ours.stderr).toContain('error: failed to run custom build command for `panics v0.1.0');
  expect(ours.stderr).toContain("process didn't exit successfully");
  expect(ours.stderr).toContain('--- stdout\n  before');
  expect(ours.stderr).toContain('--- stderr\n  on stderr');
  expect(ours.stderr).toContain('no good');
});

test('a script that wants the network does not get it, and fails by itself', async () => {
  const project = scripted(
    'network',
    `let got = std::net::TcpStream::connect_timeout(&"192.0.2.1:80".parse().unwrap(), std::time::Duration::from_secs(3));
panic!("wanted the network: {}", got.unwrap_err());`,
  );
  const ended = await project.drydock(['build']);
  expect(ended.code).toBe(101);
  expect(ended.stderr).toMatch(/wanted the network: .*Network is unreachable/);
});

test('a script may write beside its sources, but nothing of it comes out; outside it may not write', async () => {
  const project = scripted(
    'writes',
    `std::fs::write("src/made.rs", "x").unwrap();
let real = std::fs::write(std::path::Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("stray"), "x");
let usr = std::fs::write("/usr/stray", "x");
println!("cargo::rustc-env=FROM_SCRIPT={} {}", real.is_err(), usr.is_err());`,
  );
  await project.good();
  expect(await project.says('writes')).toBe('true true');
  expect(project.exists('src/made.rs')).toBe(false);
  expect(project.exists('stray')).toBe(false);
});

test('OUT_DIR, cfg, and include! of what a script made', async () => {
  const project = scripted(
    'makes',
    `let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
std::fs::write(out.join("made.rs"), "pub const N: u32 = 9;").unwrap();
println!("cargo::rustc-check-cfg=cfg(made)");
println!("cargo::rustc-cfg=made");`,
    {
      'src/main.rs': `#[cfg(made)] mod made { include!(concat!(env!("OUT_DIR"), "/made.rs")); }
fn main() { print!("{}", made::N); }
`,
    },
  );
  await project.good();
  expect(await project.says('makes')).toBe('9');
  const outs = fs.readdirSync(project.at('target/debug/build')).flatMap((name) => {
    const file = project.at(`target/debug/build/${name}/out/made.rs`);
    return fs.existsSync(file) ? [fs.readFileSync(file, 'utf8')] : [];
  });
  expect(outs).toEqual(['pub const N: u32 = 9;']);
});

test('a malformed directive is refused in words of cargo', async () => {
  const project = scripted('malformed', 'println!("cargo::rustc-link-lib");');
  const ours = await project.drydock(['build']);
  const cargos = await project.cargo(['build', '--target-dir', 'theirs']);
  expect([ours.code, cargos.code]).toEqual([101, 101]);
  const error = (text: string) => text.slice(text.indexOf('error:'));
  expect(error(ours.stderr)).toBe(error(cargos.stderr));
});

describe('a workspace with macros and build dependencies', () => {
  const project = place.project('macros', {
    'Cargo.toml': '[workspace]\nmembers = ["app", "derive", "gen", "base"]\nresolver = "2"\n',
    'base/Cargo.toml': manifest('base'),
    'base/src/lib.rs': 'pub fn name() -> &\'static str { "base" }\n',
    'gen/Cargo.toml': manifest('gen', '[dependencies]\nbase = { path = "../base" }\n'),
    'gen/src/lib.rs': 'pub fn code() -> String { format!("\\"made by gen on {}\\"", base::name()) }\n',
    'derive/Cargo.toml': manifest('derive', '[lib]\nproc-macro = true\n[dependencies]\nbase = { path = "../base" }\n'),
    'derive/src/lib.rs': `use proc_macro::TokenStream;
#[proc_macro]
pub fn told(_: TokenStream) -> TokenStream {
    println!("a macro prints");
    println!("and again");
    format!("\\"derived from {}\\"", base::name()).parse().unwrap()
}
#[proc_macro]
pub fn words(input: TokenStream) -> TokenStream {
    let name = input.to_string().replace('"', "");
    let file = std::path::Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join(name);
    format!("{:?}", std::fs::read_to_string(file).unwrap()).parse().unwrap()
}
`,
    'app/Cargo.toml': manifest(
      'app',
      '[dependencies]\nderive = { path = "../derive" }\nbase = { path = "../base" }\n[build-dependencies]\ngen = { path = "../gen" }\n',
    ),
    'app/build.rs': 'fn main() { println!("cargo::rustc-env=MADE={}", gen::code().replace(\'"\', "")); }\n',
    'app/words.txt': 'some words',
    'app/src/main.rs': `fn main() {
    print!("{}; {}; {}; {}", env!("MADE"), derive::told!(), derive::words!("words.txt"), base::name());
}
`,
  });

  test('members serve as build dependency, macro and library at once; what a macro prints goes to stdout', async () => {
    const ended = await project.drydock(['build']);
    expect(ended.code, ended.stderr).toBe(0);
    expect(await project.says('app')).toBe('made by gen on base; derived from base; some words; base');
    expect(ended.stdout).toBe('a macro prints\nand again\n');
  });

  test('a file that a macro reads: its change is seen', async () => {
    project.write({ 'app/words.txt': 'other words' });
    await project.good();
    expect(await project.says('app')).toContain('other words');
  });

  test('an edit of the common member reaches all that use it', async () => {
    project.edit('base/src/lib.rs', '"base"', '"ground"');
    expect((await project.good()).compiled).toEqual([
      'app (bin)',
      'base (lib)',
      'build-script-build (custom-build)',
      'derive (proc-macro)',
      'gen (lib)',
    ]);
    expect(await project.says('app')).toBe('made by gen on ground; derived from ground; other words; ground');
  });
});

test('a program for tests opens files of its package by its real path at run time', async () => {
  const project = place.project('fixtures', {
    'Cargo.toml': manifest('fixtures'),
    'src/lib.rs': '',
    'fixtures/x': 'content of x',
    'tests/reads.rs': `#[test] fn reads() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/x");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "content of x");
}
`,
  });
  const built = await project.good(['--tests']);
  expect(built.compiled).toEqual(['fixtures (lib)', 'fixtures (lib)', 'reads (test)']);
  const programs = fs.readdirSync(project.at('target/debug/deps')).filter((name) => /^reads-[0-9a-f]{16}$/.test(name));
  expect(programs).toHaveLength(1);
  const ran = await project.run(project.at(`target/debug/deps/${programs[0]}`), []);
  expect(ran.stdout).toContain('1 passed');
  project.write({ 'fixtures/x': 'other content' });
  expect((await project.good(['--tests'])).compiled).toEqual([]);
});

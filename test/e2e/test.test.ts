/** `drydock test` and `bench`, beside cargo's. */
import { beforeAll, describe, expect, test } from 'vitest';
import { expectAlike } from './beside.ts';
import { manifest, Place, type Project } from './support.ts';

const place = new Place('test');
/** The harness prints in the order in which its threads end. */
const oneByOne = { RUST_TEST_THREADS: '1' };

const library = `/// Adds.
/// \`\`\`
/// assert_eq!(suite::add(1, 2), 3);
/// assert_eq!(env!("SHOWN"), "from the script");
/// #[cfg(feature = "more")] fn only() {}
/// #[cfg(not(feature = "more"))] compile_error!("no feature");
/// \`\`\`
pub fn add(a: u32, b: u32) -> u32 { a + b }
#[cfg(test)]
mod tests {
    #[test] fn adds() { assert_eq!(super::add(1, 2), 3); }
    #[test] fn reads() { assert_eq!(std::fs::read_to_string("data/word").unwrap(), "word\\n"); }
}
`;

describe('unit, integration and documentation tests of one package', () => {
  let project: Project;
  beforeAll(() => {
    project = place.project('suite', {
      'Cargo.toml': manifest(
        'suite',
        '[features]\ndefault = ["more"]\nmore = []\n[[test]]\nname = "bare"\nharness = false\n',
      ),
      'build.rs':
        'fn main() { println!("cargo::rerun-if-changed=build.rs"); println!("cargo::rustc-env=SHOWN=from the script"); }\n',
      'src/lib.rs': library,
      'src/main.rs': 'fn main() { print!("main {}", suite::add(2, 2)); }\n#[test] fn in_main() {}\n',
      'tests/outer.rs': `use std::process::Command;
#[test] fn calls() {
    let binary = Command::new(env!("CARGO_BIN_EXE_suite")).output().unwrap();
    assert_eq!(binary.stdout, b"main 4");
    assert_eq!(std::env::var("CARGO_BIN_EXE_suite").unwrap(), env!("CARGO_BIN_EXE_suite"));
    assert_eq!(std::env::current_dir().unwrap().to_str(), Some(env!("CARGO_MANIFEST_DIR")));
    assert_eq!(std::env::var("SHOWN").unwrap(), "from the script");
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/scratch"), "x").unwrap();
}
`,
      'tests/bare.rs': 'fn main() { println!("{:?}", std::env::args().skip(1).collect::<Vec<_>>()); }\n',
      'benches/speed.rs': '#[test] fn quick() {}\n',
      'examples/shown.rs': 'fn main() {}\n',
      'data/word': 'word\n',
    });
  });

  test("all of them, in cargo's order", async () => {
    const first = await expectAlike(project, ['test', '-j1'], oneByOne);
    expect(first.stdout).toContain('test src/lib.rs - add (line 2) ... ok');
    expect(first.stderr).toContain('   Doc-tests suite\n');
    await expectAlike(project, ['test', '-j1'], oneByOne);
    const repeated = await project.drydock(['test', '-j1'], { CARGO_TARGET_DIR: 'target' });
    expect([repeated.code, repeated.stdout.includes('test tests::adds ... ok')]).toEqual([0, true]);
  });

  test('a choice of tests, and arguments for them', async () => {
    for (const args of [
      ['--lib'],
      ['--doc'],
      ['--bins'],
      ['--test', 'outer'],
      ['--benches'],
      ['adds'],
      ['--lib', '--', '--list'],
      ['-q', '--lib'],
      ['--no-run'],
      ['--release', '--lib'],
      ['--doc', '--', '--nocapture'],
      ['--no-run', '--doc'],
    ]) {
      const ended = await expectAlike(project, ['test', '-j1', ...args], oneByOne);
      expect(ended.code, args.join(' ')).toBe(args.includes('--no-run') && args.includes('--doc') ? 101 : 0);
    }
  });

  test('bench', async () => {
    const ended = await expectAlike(project, ['bench', '-j1']);
    expect(ended.stderr).toContain('Finished `bench` profile [optimized] target(s)');
    await expectAlike(project, ['bench', '-j1', '--no-run']);
    await expectAlike(project, ['bench', '-j1', '--bench', 'speed', 'quick', '--', '--list']);
  });

  test('-v and -vv: the commands that are run', async () => {
    const commands = (text: string) =>
      text
        .replaceAll('theirs', 'target')
        .replaceAll(/-[0-9a-f]{16}/g, '-#')
        .split('\n')
        .filter(
          (line) =>
            /^ +Running `.*(target\/debug\/deps|rustdoc --edition)/.test(line) && !line.includes('rustc --crate-name'),
        );
    for (const verbose of ['-v', '-vv']) {
      const ours = await project.drydock(['test', verbose], { CARGO_TARGET_DIR: 'target' });
      const theirs = await project.cargo(['test', verbose], { CARGO_TARGET_DIR: 'theirs' });
      expect(commands(ours.stderr).length).toBe(5);
      expect(commands(ours.stderr)).toEqual(commands(theirs.stderr));
    }
  });
});

describe('tests that fail', () => {
  let project: Project;
  beforeAll(() => {
    project = place.project('fails', {
      'Cargo.toml': '[workspace]\nmembers = ["one", "two"]\nresolver = "2"\n',
      'one/Cargo.toml': manifest('one'),
      'one/src/lib.rs': '/// ```\n/// panic!("in text");\n/// ```\npub fn f() {}\n#[test] fn t() { panic!("no") }\n',
      'one/tests/ends.rs': '#[test] fn t() { std::process::exit(3) }\n',
      'one/tests/aborts.rs': '#[test] fn t() { std::process::abort() }\n',
      'two/Cargo.toml': manifest('two'),
      'two/src/lib.rs': '#[test] fn t() {}\n',
    });
  });

  test("the first one ends it, with the program's exit code", async () => {
    const ended = await expectAlike(project, ['test', '-j1']);
    expect(ended.code).toBe(101);
    expect(ended.stderr).toContain('error: test failed, to rerun pass `-p one --lib`\n');
    expect((await expectAlike(project, ['test', '-j1', '-p', 'one', '--test', 'ends'])).code).toBe(3);
    expect((await expectAlike(project, ['test', '-j1', '--test', 'aborts'])).code).toBe(101);
    expect((await expectAlike(project, ['test', '-j1', '--doc'])).stderr).toContain('error: doctest failed');
  });

  test('--no-fail-fast goes on and sums up', async () => {
    const ended = await expectAlike(project, ['test', '-j1', '--no-fail-fast']);
    expect(ended.stderr).toContain('error: 4 targets failed:\n');
    await expectAlike(project, ['test', '-j1', '--no-fail-fast', '-p', 'two']);
  });

  test('what does not compile is not run', async () => {
    project.write({ 'two/tests/bad.rs': 'fn f() -> u32 { "" }\n' });
    const ended = await project.drydock(['test', '-p', 'two']);
    expect([ended.code, ended.stderr.includes('Running')]).toEqual([101, false]);
    expect(ended.stderr).toContain('error: could not compile `two` (test "bad") due to 1 previous error');
  });
});

test('what was built for `build` and `run` serves `test`', async () => {
  const project = place.project('serves', {
    'Cargo.toml': manifest('serves', '[dependencies]\nlower = { path = "lower" }\n'),
    'build.rs': 'fn main() { println!("cargo::rerun-if-changed=build.rs"); }\n',
    'src/lib.rs': 'pub fn f() { lower::f() }\n',
    'src/main.rs': 'fn main() { serves::f() }\n',
    'tests/outer.rs': '#[test] fn t() { serves::f() }\n',
    'lower/Cargo.toml': manifest('lower'),
    'lower/src/lib.rs': 'pub fn f() {}\n',
  });
  expect((await project.cargo(['generate-lockfile'])).code).toBe(0);
  // By itself: beside the build script it would be named first or second, as either is ready.
  await expectAlike(project, ['build', '-j1', '-p', 'lower']);
  await expectAlike(project, ['build', '-j1']);
  const ended = await expectAlike(project, ['test', '-j1', '--test', 'outer']);
  expect(ended.stderr).not.toContain('Compiling lower');
  await expectAlike(project, ['run']);
});

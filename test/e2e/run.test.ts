/** `drydock run`, beside `cargo run`. */
import * as path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { expectAlike } from './beside.ts';
import { manifest, Place, type Project } from './support.ts';

const place = new Place('run');

const shows = `use std::env;
fn main() {
    let arguments: Vec<String> = env::args().collect();
    println!("arguments {arguments:?}");
    println!("directory {}", env::current_dir().unwrap().display());
    for (name, value) in env::vars() {
        if name.starts_with("CARGO") || name.starts_with("SHOWN") || name == "LD_LIBRARY_PATH" || name == "OUT_DIR" {
            println!("{name}={value}");
        }
    }
    match env::args().nth(1).as_deref() {
        Some("code") => std::process::exit(env::args().nth(2).unwrap().parse().unwrap()),
        Some("abort") => std::process::abort(),
        Some("read") => print!("{}", std::io::read_to_string(std::io::stdin()).unwrap()),
        _ => {}
    }
}
`;

describe('one binary with a build script', () => {
  let project: Project;
  beforeAll(() => {
    project = place.project('shows', {
      'Cargo.toml': manifest('shows', 'description = "what it is"\nauthors = ["A", "B"]\n'),
      'build.rs': `fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let out = std::env::var("OUT_DIR").unwrap();
    println!("cargo::rustc-env=SHOWN_BY_SCRIPT={out}/x");
    println!("cargo::rustc-link-search=native={out}");
    println!("cargo::rustc-link-search=/usr/lib");
}
`,
      'src/main.rs': shows,
      'sub/.keep': '',
      '.cargo/config.toml': '[env]\nSHOWN_CONFIGURED = "c"\nCARGO_PKG_NAME = "never"\n',
    });
  });

  test('arguments, directory, environment, output', async () => {
    const first = await expectAlike(project, ['run']);
    expect(first.stderr).toContain('     Running `target/debug/shows`\n');
    expect(first.stdout).toContain('SHOWN_CONFIGURED=c\n');
    await expectAlike(project, ['run']);
    await expectAlike(project, ['run', '--', 'one', 'a b', '--help', "it's"]);
    await expectAlike(project, ['run', 'one', '--', '-x', '--pure']);
    await expectAlike(project, ['r', '-q', '--release', 'one']);
    await expectAlike(project, ['run', '--', '--version'], { SHOWN_CALLER: '1' });
  });

  test('-vv shows the variables that cargo sets', async () => {
    const running = (text: string) => /^ +Running `CARGO=.*target\/debug\/shows`$/m.exec(text)?.[0] ?? '';
    const ours = await project.drydock(['run', '-vv'], { CARGO_TARGET_DIR: 'target' });
    const theirs = await project.cargo(['run', '-vv'], { CARGO_TARGET_DIR: 'theirs' });
    const same = (text: string) => running(text.replaceAll('theirs', 'target')).replaceAll(/-[0-9a-f]{16}/g, '-#');
    expect(same(ours.stderr)).toContain('SHOWN_CONFIGURED=c');
    expect(same(ours.stderr)).toBe(same(theirs.stderr));
  });

  test('an exit code, and the signal that ended the program', async () => {
    expect((await expectAlike(project, ['run', 'code', '7'])).code).toBe(7);
    expect((await expectAlike(project, ['run', 'abort'])).signal).toBe('SIGABRT');
  });

  test('a second call with nothing to build does the same, and notices an edit', async () => {
    const again = await project.drydock(['run', 'one'], { CARGO_TARGET_DIR: 'target' });
    const repeated = await project.drydock(['run', 'one'], { CARGO_TARGET_DIR: 'target' });
    expect(repeated.stdout).toBe(again.stdout);
    expect(repeated.stderr).toContain('     Running `target/debug/shows one`\n');
    project.edit('src/main.rs', 'println!("arguments', 'println!("edited');
    expect((await expectAlike(project, ['run', 'one'])).stdout).toMatch(/^edited \[/);
  });

  test('from another directory', async () => {
    const below = place.project('shows/sub', {});
    const ours = await below.drydock(['run'], { CARGO_TARGET_DIR: project.at('target') });
    const theirs = await below.cargo(['run'], { CARGO_TARGET_DIR: project.at('theirs') });
    expect(ours.code).toBe(0);
    expect(ours.stdout.replaceAll(/-[0-9a-f]{16}/g, '-#')).toBe(
      theirs.stdout.replaceAll('theirs', 'target').replaceAll(/-[0-9a-f]{16}/g, '-#'),
    );
    expect(ours.stdout).toContain(`directory ${path.join(project.root, 'sub')}\n`);
  });
});

test('a runner, one that is missing, and the program of an example', async () => {
  const project = place.project('runner', {
    'Cargo.toml': manifest('runner'),
    'src/lib.rs': 'pub fn f() {}\n',
    'src/main.rs': 'fn main() { println!("main"); }\n',
    'examples/shown.rs': 'fn main() { println!("example"); }\n',
  });
  const triple = /host: (.*)/.exec((await project.run('rustc', ['-vV'])).stdout)?.[1] ?? '';
  const variable = `CARGO_TARGET_${triple.toUpperCase().replaceAll('-', '_')}_RUNNER`;
  const run = await expectAlike(project, ['run', '--', 'x y'], { [variable]: '/bin/echo through it' });
  expect(run.stdout).toBe('through it target/debug/runner x y\n');
  await expectAlike(project, ['run'], { [variable]: 'no-such-program' });
  await expectAlike(project, ['run', '--example', 'shown']);
  await expectAlike(project, ['run', '--target', triple]);
});

test('no binary, or more than one: what cargo says', async () => {
  const none = place.project('none', { 'Cargo.toml': manifest('none'), 'src/lib.rs': '' });
  expect((await expectAlike(none, ['run'])).code).toBe(101);
  const two = place.project('two', {
    'Cargo.toml': manifest('two'),
    'src/bin/a.rs': 'fn main() { println!("a"); }\n',
    'src/bin/b.rs': 'fn main() { compile_error!("no") }\n',
  });
  expect((await expectAlike(two, ['run'])).stderr).toContain('available binaries: a, b');
  expect((await expectAlike(two, ['run', '--bin', 'a'])).stdout).toBe('a\n');
  expect((await expectAlike(two, ['run', '--bin', 'b'])).code).toBe(101);
  expect((await expectAlike(two, ['run', '--bin', 'c'])).code).toBe(101);
  expect((await expectAlike(two, ['run', '--bin'])).stderr).toContain('takes one argument');
});

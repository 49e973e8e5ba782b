/** `drydock build --engine nix` with the hook: rustc's incremental state is the developer's own `target/…/incremental`. */
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Launch } from '../daemon/daemon.ts';
import { type RustProject, makeProject, openRustLab } from './rust.ts';
import { type Lab, type User, run, writeAs } from './support.ts';

export function engineHookSuite(launch: Launch): void {
  let lab: Lab;
  let user: User;
  let project: RustProject;

  beforeAll(async () => {
    ({ lab, user, project } = await openRustLab(launch));
  });
  afterAll(() => lab.remove());

  test('an edit is compiled with the state of the build before', () => {
    const build = (main: string) => {
      project.write(main);
      return project.drydock('build', '--engine', 'nix');
    };
    const program = (answer: number) => `fn main() { println!("{}", answer()); }\nfn answer() -> u32 { ${answer} }\n`;
    const hello = () => run(path.join(project.directory, 'target/debug/counted'), []);
    const first = build(program(1));
    expect(first.code, first.stderr).toBe(0);
    expect(first.stderr).not.toContain('without incremental state');
    const [before = ''] = project.sessions();
    expect(statSync(before).uid).toBe(user.uid);
    expect(build(program(2)).code).toBe(0);
    expect(project.keptOf(before).length).toBeGreaterThan(0);
    expect(hello()).toBe('2\n');
    expect(build('fn main() { missing() }\n').code).toBe(101);
    expect(build('fn main() { println!("3"); }\n').code).toBe(0);
    expect(hello()).toBe('3\n');
    expect(lab.daemon.log()).not.toContain('no cache mount');
    expect(project.drydock('doctor').stdout).not.toContain('had no cache mount');
    expect(project.drydock('explain', '--engine', 'nix').stdout).not.toContain('without');
    const target = path.join(project.directory, 'target');
    run('setpriv', [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', 'rm', '-r', target]);
    expect(existsSync(target)).toBe(false);
  });

  test('a binary keeps its codegen units when only the library beside it is compiled again', () => {
    const modules = Array.from({ length: 20 }, (_, at) => at);
    const generic = modules.map(
      (at) => `pub fn f${at}<T: std::fmt::Debug>(t: T) -> String { format!("{t:?} ${at}") }\n`,
    );
    const users = modules.map((at) => `mod m${at} { pub fn g() -> String { counted::f${at}(${at}u8) } }\n`);
    const calls = modules.map((at) => `print!("{}", m${at}::g());`);
    const build = (number: number) => {
      project.writeLibrary(`pub fn number() -> u32 { ${number} }\n${generic.join('')}`);
      const built = project.drydock('build', '--engine', 'nix');
      expect(built.code, built.stderr).toBe(0);
    };
    project.write(`${users.join('')}fn main() { println!("{}", counted::number()); ${calls.join(' ')} }\n`);
    build(1);
    build(2);
    expect(run(path.join(project.directory, 'target/debug/counted'), [])).toMatch(/^2\n/);
    // A unit that is used again is one file under two names: the session before has it too.
    const state = path.join(project.directory, 'target/debug/incremental');
    const objects = readdirSync(state, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.o'));
    const kept = objects.filter((name) => statSync(path.join(state, name)).nlink > 1);
    expect(kept.length).toBeGreaterThan(modules.length);
  });

  const macro = `use proc_macro::TokenStream;
#[proc_macro]
pub fn words(_: TokenStream) -> TokenStream {
    let file = format!("{}/data/words.txt", std::env::var("CARGO_MANIFEST_DIR").unwrap());
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    let seen = std::fs::read_dir("/deps").map_or(0, |entries| entries.count());
    format!("({file:?}, {:?}, {seen})", text.trim()).parse().unwrap()
}
`;
  const script = `fn main() {
    let file = format!("{}/data/words.txt", std::env::var("CARGO_MANIFEST_DIR").unwrap());
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
    std::fs::write(format!("{}/made.txt", std::env::var("OUT_DIR").unwrap()), text.to_uppercase()).unwrap();
}
`;
  const speaking = `fn main() {
    let (file, text, seen) = mac::words!();
    print!("{file} {text} {} {seen}", include_str!(concat!(env!("OUT_DIR"), "/made.txt")));
}
`;

  test('what a macro and a build script open below CARGO_MANIFEST_DIR is there while they run', () => {
    const [, bob] = lab.users;
    const real = makeProject(lab, bob);
    const files = {
      'Cargo.toml':
        '[package]\nname = "real"\nversion = "1.0.0"\nedition = "2021"\n[dependencies]\nmac = { path = "mac" }\n',
      'build.rs': script,
      'src/main.rs': speaking,
      'data/words.txt': 'hello',
      'mac/Cargo.toml': '[package]\nname = "mac"\nversion = "1.0.0"\nedition = "2021"\n[lib]\nproc-macro = true\n',
      'mac/src/lib.rs': macro,
    };
    for (const [file, text] of Object.entries(files)) writeAs(bob, `project/${file}`, text);
    const build = (...words: readonly string[]) => real.drydock('build', '--engine', 'nix', ...words);
    const says = (profile: string) => run(path.join(real.directory, `target/${profile}/real`), []);
    const place = path.join(real.directory, 'data/words.txt');
    const first = build();
    expect(first.code, first.stderr).toBe(0);
    // The macro is one dependency that moves with an edit: it is seen where it does not.
    expect(says('debug')).toBe(`${place} hello HELLO 1`);
    writeAs(bob, 'project/data/words.txt', 'again');
    expect(build().code).toBe(0);
    expect(says('debug')).toBe(`${place} again AGAIN 1`);
    // Without a cache mount, whose only reason to ask is the view.
    const release = build('--release');
    expect(release.code, release.stderr).toBe(0);
    expect(says('release')).toBe(`${place} again AGAIN 0`);
    expect(lab.daemon.log()).not.toMatch(/no (view|cache mount)/);

    writeFileSync(lab.limits, 'users = nobody\n');
    writeAs(bob, 'project/data/words.txt', 'more');
    const refused = build('--release');
    rmSync(lab.limits);
    expect(refused.code).toBe(101);
    expect(refused.stderr).toContain(`${place}: No such file or directory`);
    expect(refused.stderr).toMatch(
      /the Nix daemon builds without the files at their real paths: .*limits do not allow/,
    );
  });

  test('why a build was cold is told afterwards, too', () => {
    project.write('fn main() { println!("{}", counted::number()); }\n');
    const build = (number: number) => {
      project.writeLibrary(`pub fn number() -> u32 { ${number} }\n`);
      expect(project.drydock('build', '--engine', 'nix').code).toBe(0);
    };
    const told = () => project.drydock('explain', '--engine', 'nix').stdout + project.drydock('doctor').stdout;
    writeFileSync(lab.limits, 'users = nobody\n');
    build(101);
    rmSync(lab.limits);
    expect(told()).toMatch(/`counted` \(lib\): built because .*\n {2}without incremental state: .*limits do not allow/);
    expect(told()).toMatch(/had no cache mount: .*limits do not allow/);
    build(102);
    expect(told()).not.toMatch(/without incremental state|had no cache mount/);
  });
}

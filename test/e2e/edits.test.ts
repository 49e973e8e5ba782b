/** The edit loop: what is built again, and what is not. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { manifest, Place, type Project } from './support.ts';

const place = new Place('edits');

describe('a package with a library, two binaries and a test', () => {
  let project: Project;
  beforeAll(async () => {
    project = place.project('two', {
      'Cargo.toml': manifest('two', '[[bin]]\nname = "other"\npath = "src/other.rs"\n'),
      'src/lib.rs': 'pub fn answer() -> u32 { 42 }\n',
      'src/main.rs': 'fn main() { println!("{}", two::answer()); }\n',
      'src/other.rs': 'fn main() { println!("other"); }\n',
      'tests/it.rs': '#[test] fn it() { assert_eq!(two::answer(), 42); }\n',
      'README.md': '# two\n',
      '.gitignore': '/target\n',
    });
    await project.good();
  });

  test('a function edited in the library rebuilds the library and the binaries, and says why', async () => {
    project.edit('src/lib.rs', '42', '43');
    const second = await project.good();
    expect(second.compiled).toEqual(['other (bin)', 'two (bin)', 'two (lib)']);
    expect(await project.says('two')).toBe('43\n');
    expect(await project.explain()).toEqual({
      '`two` (lib)': 'src/lib.rs changed',
      '`two` (bin "two")': 'its dependency two was rebuilt',
      '`two` (bin "other")': 'its dependency two was rebuilt',
    });
  });

  test('a file that was touched and is equal, a README, a test: nothing is built', async () => {
    project.touch('src/lib.rs');
    expect((await project.good()).compiled).toEqual([]);
    project.edit('README.md', 'two', 'three');
    project.edit('tests/it.rs', '42', '43');
    expect((await project.good()).compiled).toEqual([]);
  });

  test('an edited binary is built alone', async () => {
    project.edit('src/other.rs', '"other"', '"another"');
    expect((await project.good()).compiled).toEqual(['other (bin)']);
    expect(await project.says('other')).toBe('another\n');
  });

  test('a file that is put back comes from the store', async () => {
    project.edit('src/lib.rs', '43', '42');
    expect((await project.good()).compiled).toEqual(['other (bin)']);
    expect(await project.says('two')).toBe('42\n');
    project.edit('src/lib.rs', '42', '43');
    expect((await project.good()).compiled).toEqual([]);
    expect(await project.says('two')).toBe('43\n');
    expect(await project.says('other')).toBe('another\n');
  });

  test('a module file that comes, changes, moves to a directory and goes', async () => {
    project.write({
      'src/lib.rs': 'mod part;\npub use part::answer;\n',
      'src/part.rs': 'pub fn answer() -> u32 { 1 }\n',
    });
    expect((await project.good()).compiled).toEqual(['other (bin)', 'two (bin)', 'two (lib)']);
    expect(await project.says('two')).toBe('1\n');
    project.edit('src/part.rs', '1', '2');
    await project.good();
    expect(await project.says('two')).toBe('2\n');
    expect(Object.values(await project.explain())).toContain('src/part.rs changed');
    project.remove('src/part.rs');
    project.write({ 'src/part/mod.rs': 'pub fn answer() -> u32 { 3 }\n' });
    await project.good();
    expect(await project.says('two')).toBe('3\n');
    project.remove('src/part');
    const gone = await project.build();
    expect(gone.code).toBe(101);
    expect(gone.stderr).toContain('file not found for module `part`');
    expect(gone.stderr).toContain('--> src/lib.rs:1:1');
    project.write({ 'src/part.rs': 'pub fn answer() -> u32 { 4 }\n' });
    await project.good();
    expect(await project.says('two')).toBe('4\n');
  });

  test('an error tells the place as cargo does, and the next good build is right', async () => {
    project.write({ 'src/lib.rs': 'pub fn answer() -> u32 { "four" }\n' });
    const bad = await project.build();
    expect(bad.code).toBe(101);
    expect(bad.stderr).toContain(' --> src/lib.rs:1:26');
    expect(bad.stderr).toMatch(/error: could not compile `two` \(lib\) due to 1 previous error/);
    expect(bad.stderr).not.toContain('/build/');
    project.write({ 'src/lib.rs': 'pub fn answer() -> u32 { 5 }\n' });
    await project.good();
    expect(await project.says('two')).toBe('5\n');
  });

  test('a warning is shown again while its unit is fresh', async () => {
    project.write({ 'src/lib.rs': 'pub fn answer() -> u32 { let unused = 1; 6 }\n' });
    for (let round = 0; round < 3; round++) {
      const { stderr, code } = await project.drydock(['build']);
      expect(code).toBe(0);
      expect(stderr).toContain('warning: unused variable: `unused`');
      expect(stderr).toContain('warning: `two` (lib) generated 1 warning');
    }
  });
});

describe('what lies outside of the package', () => {
  let project: Project;
  beforeAll(() => {
    project = place.project('outside', {
      'Cargo.toml': '[workspace]\nmembers = ["member"]\nresolver = "2"\n',
      'shared/text.txt': 'first',
      'shared/unread.txt': 'x',
      'member/Cargo.toml': manifest('member'),
      'member/src/main.rs': `fn main() {
    print!("{} {:?}", include_str!("../../shared/text.txt"), option_env!("DD_GREETING"));
}
`,
    });
  });

  test('include_str! of a file beside the package: found, and what reads it is built again when it changes', async () => {
    await project.good();
    expect(await project.says('member')).toBe('first None');
    project.write({ 'shared/text.txt': 'second', 'shared/unread.txt': 'y' });
    expect((await project.good()).compiled).toEqual(['member (bin)']);
    expect(await project.says('member')).toBe('second None');
    project.write({ 'shared/unread.txt': 'z' });
    expect((await project.good()).compiled).toEqual([]);
  });

  test('a variable of the caller that the program names: set, changed, unset', async () => {
    expect((await project.good([], { DD_GREETING: 'hello' })).compiled).toEqual(['member (bin)']);
    expect(await project.says('member')).toBe('second Some("hello")');
    expect((await project.good([], { DD_GREETING: 'hello', DD_OTHER: '1' })).compiled).toEqual([]);
    expect((await project.good([], { DD_GREETING: 'bye' })).compiled).toEqual(['member (bin)']);
    expect(await project.says('member')).toBe('second Some("bye")');
    expect(await project.explain()).toEqual({
      '`member` (bin "member")': 'the environment variable DD_GREETING changed',
    });
    expect((await project.good()).compiled).toEqual([]);
    expect(await project.says('member')).toBe('second None');
  });

  test('env! of a variable that is not set fails as with cargo; set, it builds', async () => {
    project.write({ 'member/src/main.rs': 'fn main() { print!("{}", env!("DD_NAME")); }\n' });
    const bad = await project.build();
    expect(bad.code).toBe(101);
    expect(bad.stderr).toContain('environment variable `DD_NAME` not defined at compile time');
    await project.good([], { DD_NAME: 'ann' });
    expect(await project.says('member')).toBe('ann');
  });

  test('a variable that only a macro of a macro names is found out', async () => {
    project.write({
      'member/src/main.rs': `macro_rules! of { ($a:literal) => { option_env!(concat!("DD_", $a)) } }
fn main() { print!("{:?}", of!("HIDDEN")); }
`,
    });
    await project.good([], { DD_HIDDEN: 'there' });
    expect(await project.says('member')).toBe('Some("there")');
    await project.good([], { DD_HIDDEN: 'here' });
    expect(await project.says('member')).toBe('Some("here")');
    await project.good();
    expect(await project.says('member')).toBe('None');
  });
});

test('a binary keeps its codegen units when only the library beside it is compiled again', async () => {
  const modules = Array.from({ length: 20 }, (_, at) => at);
  const generic = modules.map((at) => `pub fn f${at}<T: std::fmt::Debug>(t: T) -> String { format!("{t:?} ${at}") }\n`);
  const users = modules.map((at) => `mod m${at} { pub fn g() -> String { units::f${at}(${at}u8) } }\n`);
  const calls = modules.map((at) => `print!("{}", m${at}::g());`);
  const project = place.project('units', {
    'Cargo.toml': manifest('units'),
    'src/lib.rs': `pub fn number() -> u32 { 1 }\n${generic.join('')}`,
    'src/main.rs': `${users.join('')}fn main() { print!("{}", units::number()); ${calls.join(' ')} }\n`,
  });
  await project.good();
  project.edit('src/lib.rs', '{ 1 }', '{ 2 }');
  expect((await project.good()).compiled).toEqual(['units (bin)', 'units (lib)']);
  // A unit that is used again is one file under two names: the session before has it too.
  const state = project.at('target/debug/incremental');
  const objects = fs.readdirSync(state, { recursive: true }).filter((name) => String(name).endsWith('.o'));
  const kept = objects.filter((name) => fs.statSync(path.join(state, String(name))).nlink > 1);
  expect(kept.length).toBeGreaterThan(modules.length);
});

/** Where a project, its store and its results lie: odd names, directories that are not there, disks that are full or closed. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { expectAlike } from './beside.ts';
import { type Ended, manifest, Place, type Project, program } from './support.ts';

const place = new Place('around');
const isRoot = process.getuid?.() === 0;
const nightly = { RUSTC_BOOTSTRAP: '1' };

const small = (directory: string): Project =>
  place.project(directory, {
    'Cargo.toml': manifest('small', '[lib]\ncrate-type = ["cdylib", "rlib"]\n'),
    'src/lib.rs': 'pub fn n() -> u32 { 1 }\n',
    'src/main.rs': 'fn main() { print!("{}", small::n()); }\n',
  });

/** Shell lines; `$D` is drydock. `mounts`: in a mount namespace of their own, as root. */
async function shell(project: Project, lines: string, mounts = false): Promise<Ended> {
  const words = ['sh', '-c', `D='${process.execPath} ${program}'; ${lines}`];
  const [command = '', ...args] = mounts ? ['unshare', '-m', ...words] : words;
  const ended = await project.run(command, args);
  expect(ended.stderr).not.toMatch(/node:internal|at .*\.mjs/);
  return ended;
}

describe('names', () => {
  test('a project whose directories and files have names that a shell, make or rustc would read otherwise', async () => {
    const project = small(`-a b'c"d\ne$F;\`g\`\\h#%20=:*[x]`);
    project.write({
      'build.rs': `fn main() {
        println!("cargo::rerun-if-changed=data 'x'/$y.txt");
        println!("cargo::rustc-env=SAID={}", std::fs::read_to_string("data 'x'/$y.txt").unwrap());
      }\n`,
      "data 'x'/$y.txt": 'said "it"',
      "src/o d'd/m.rs": 'pub fn f() -> &\'static str { include_str!("q\\"uo te.txt") }\n',
      'src/o d\'d/q"uo te.txt': 'quoted',
      'src/main.rs': '#[path = "o d\'d/m.rs"] mod m;\nfn main() { print!("{} {}", m::f(), env!("SAID")); }\n',
    });
    await project.good();
    expect(await project.says('small')).toBe('quoted said "it"');
    project.write({ 'src/o d\'d/q"uo te.txt': 'changed', "data 'x'/$y.txt": "other 'one'" });
    await project.good();
    expect(await project.says('small')).toBe("changed other 'one'");
    expect((await project.good()).compiled).toEqual([]);
  });

  test('a path of more than a thousand characters', async () => {
    const project = small(Array.from({ length: 6 }, (_, index) => String(index).repeat(200)).join('/'));
    await project.good();
    expect(await project.says('small')).toBe('1');
  });

  test('a project and a target directory that are reached through links', async () => {
    const project = small('linked');
    fs.symlinkSync(project.root, path.join(place.directory, 'link'));
    fs.mkdirSync(path.join(place.directory, 'elsewhere'));
    fs.symlinkSync(path.join(place.directory, 'elsewhere'), project.at('target'));
    const ended = await shell(project, 'cd ../link; $D build; target/debug/small; $D build -v');
    expect([ended.code, ended.stdout]).toEqual([0, '1']);
    expect(ended.stderr).toMatch(/Fresh small/);
    expect(fs.existsSync(path.join(place.directory, 'elsewhere/debug/small'))).toBe(true);
  });

  test('a working directory that was removed, or whose name is not UTF-8', async () => {
    const project = small('gone');
    for (const lines of [
      'mkdir a; cd a; rmdir ../a',
      `d=$(printf 'b\\377'); mkdir "$d"; cp -r Cargo.toml src "$d"; cd "$d"`,
    ]) {
      const ended = await shell(project, `${lines}; $D build`);
      expect([ended.code, ended.stderr]).toEqual([101, expect.stringMatching(/^error\[D0105\]: .*\n {2}to do: /)]);
    }
  });

  test('-C: a directory that is there, one that is not, and a cargo that does not allow it', async () => {
    const project = small('moved');
    for (const [directory, code] of [
      ['src', 0],
      ['nowhere', 101],
    ] as const) {
      expect((await expectAlike(project, ['-C', directory, 'build'])).code).toBe(101);
      const allowed = await expectAlike(project, ['-C', directory, '-Zunstable-options', 'build'], nightly);
      expect(allowed.code).toBe(code);
    }
  });
});

describe('places for results', () => {
  test('--artifact-dir has what was asked for under plain names, each time; --unit-graph is printed', async () => {
    const project = small('artifacts');
    project.write({ 'examples/ex.rs': 'fn main() {}\n' });
    const args = ['-Zunstable-options', 'build', '--lib', '--bins', '--examples'];
    await project.cargo([...args, '--artifact-dir=theirs-out'], { ...nightly, CARGO_TARGET_DIR: 'theirs' });
    const theirs = fs.readdirSync(project.at('theirs-out')).sort();
    expect(theirs).toEqual(['ex', 'libsmall.rlib', 'libsmall.so', 'small']);
    const ours = async (...more: string[]) => {
      fs.rmSync(project.at('out'), { recursive: true, force: true });
      const ended = await project.drydock([...args, ...more], nightly);
      expect(ended.code, ended.stderr).toBe(0);
      return fs.readdirSync(project.at('out')).sort();
    };
    expect(await ours('--artifact-dir', 'out')).toEqual(theirs);
    expect(await ours('--artifact-dir', 'out')).toEqual(theirs);
    expect(await ours('--config', 'build.artifact-dir="out"')).toEqual(theirs);
    await expectAlike(project, [...args, '--unit-graph'], nightly);
    expect((await project.run(project.at('out/small'), [])).stdout).toBe('1');
  });

  test.runIf(isRoot)('sources that cannot be written to, with a target directory elsewhere', async () => {
    const project = small('closed');
    await shell(project, 'cargo generate-lockfile');
    const ended = await shell(
      project,
      'mount --bind . . && mount -o remount,bind,ro . && cd . && export CARGO_TARGET_DIR=$PWD/../open; $D build; ../open/debug/small; $D build; $D check; unset CARGO_TARGET_DIR; $D build; echo $?',
      true,
    );
    expect(ended.stdout).toBe('1101\n');
    expect(ended.stderr.match(/Finished/g)).toHaveLength(3);
    expect(ended.stderr).toMatch(/error\[D1002\]: .*\n {2}because: EROFS/);
  });

  test.runIf(isRoot)('a store that cannot be written to, and one whose disk is full while rustc writes', async () => {
    const project = small('store');
    const disk = path.join(place.directory, 'disk');
    fs.mkdirSync(disk);
    const ended = await shell(
      project,
      [
        `mount -t tmpfs -o ro tmpfs ${disk}; $D build --store ${disk}/in; echo $?`,
        `mount -o remount,rw,size=1m ${disk}; $D build --store ${disk}/in; echo $?`,
        `mount -o remount,size=200m ${disk}; $D build --store ${disk}/in; echo $?; target/debug/small`,
      ].join('\n'),
      true,
    );
    expect(ended.stderr).toMatch(/^error\[D0503\]: .*\n {2}store: .*\n {2}because: EROFS/);
    expect(ended.stderr).toMatch(
      /error: could not compile[^]*error\[D0502\]: .*\n.*\n {2}because: results of `small 0.1.0`/,
    );
    expect(ended.stdout).toBe('101\n101\n0\n1');
  });

  test.runIf(isRoot)('a cache directory whose disk is full costs time only', async () => {
    const project = small('cache');
    const disk = path.join(place.directory, 'cache-disk');
    fs.mkdirSync(disk);
    const lines = `mount -t tmpfs -o size=4k tmpfs ${disk}; export XDG_CACHE_HOME=${disk}; $D build && $D build && target/debug/small`;
    expect((await shell(project, lines, true)).stdout).toBe('1');
  });
});

/** Libraries, objects and linker scripts that lie among a package's sources. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { expect, test } from 'vitest';
import { manifest, Place, type Project } from './support.ts';

const place = new Place('linking');
const seconds = { timeout: 120_000 };

/** Compiles `int name(void)` into `lib<name>.a`, or into an object where `file` ends so. */
function library(project: Project, file: string, name: string, value: number): void {
  const object = project.at(`${name}.tmp.o`);
  fs.mkdirSync(project.at(file).replace(/\/[^/]*$/, ''), { recursive: true });
  const cc = ['-x', 'c', '-c', '-o', file.endsWith('.o') ? project.at(file) : object, '-'];
  execFileSync('cc', cc, { input: `int ${name}(void) { return ${value}; }\n` });
  if (file.endsWith('.o')) return;
  fs.rmSync(project.at(file), { force: true });
  execFileSync('ar', ['rcs', project.at(file), object]);
  fs.rmSync(object);
}

const calls = (name: string): string => `unsafe extern "C" { safe fn ${name}() -> i32; }\n`;
const edition = (text: string): string => text.replace('2021', '2024');

test(
  'prebuilt libraries of a member, found by its real path; a new one is seen, a README is not',
  seconds,
  async () => {
    const project = place.project('prebuilt', {
      'Cargo.toml': '[workspace]\nmembers = ["user", "native"]\nresolver = "2"\n',
      'user/Cargo.toml': edition(manifest('user', '[dependencies]\nnative = { path = "../native" }\n')),
      'user/src/main.rs': 'fn main() { print!("{}", native::sum()); }\n',
      'native/Cargo.toml': edition(manifest('native')),
      'native/README.md': 'one\n',
      // Prebuilt libraries are often kept out of git.
      '.gitignore': '*.a\ntarget\n',
      'native/build.rs': `fn main() {
    let root = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-link-search=native={root}/lib");
    println!("cargo::rustc-link-search={root}/../common");
    println!("cargo::rustc-link-lib=static=one");
    println!("cargo::rustc-link-lib=dylib=two");
}
`,
      'native/src/lib.rs': `${calls('one')}${calls('two')}pub fn sum() -> i32 { one() + two() }\n`,
    });
    execFileSync('git', ['init', '-q', project.root]);
    library(project, 'native/lib/libone.a', 'one', 1);
    library(project, 'common/libtwo.a', 'two', 20);
    await project.good();
    expect(await project.says('user')).toBe('21');
    project.write({ 'native/README.md': 'two\n', 'native/lib/notes.md': 'x\n' });
    expect((await project.good()).compiled).toEqual([]);
    library(project, 'native/lib/libone.a', 'one', 3);
    await project.good();
    expect(await project.says('user')).toBe('23');

    await project.drydock(['clean']);
    fs.rmSync(project.at('target'), { recursive: true });
    const pure = await project.build(['--pure']);
    expect(pure.code, pure.stderr).toBe(0);
    expect(await project.says('user')).toBe('23');
  },
);

test('relative search directories, objects and linker scripts beside the build script', seconds, async () => {
  const project = place.project('beside', {
    'Cargo.toml': edition(manifest('beside')),
    'README.md': 'one',
    'build.rs': `fn main() {
    let root = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-flags=-L lib -l static=one");
    println!("cargo::rustc-link-arg-bins={root}/objects/two.o");
    println!("cargo::rustc-link-search={root}");
    println!("cargo::rustc-link-arg=-Wl,-T,{root}/sections.x,--no-warn-mismatch");
    println!("cargo::rustc-link-arg=-Tmemory.x");
    println!("cargo::rustc-link-arg=-Wl,-rpath,{root}/lib");
}
`,
    'sections.x': 'SECTIONS { .of_ours : { ours = .; LONG(7) } }\nINSERT AFTER .rodata;\n',
    'memory.x': 'SECTIONS { .of_theirs : { theirs = .; LONG(9) } }\nINSERT AFTER .rodata;\n',
    'src/main.rs': `${calls('one')}${calls('two')}
unsafe extern "C" { static ours: u32; static theirs: u32; }
fn main() { print!("{} {} {} {}", one(), two(), unsafe { ours }, unsafe { theirs }); }
`,
  });
  library(project, 'lib/libone.a', 'one', 1);
  library(project, 'objects/two.o', 'two', 2);
  await project.good();
  expect(await project.says('beside')).toBe('1 2 7 9');
  const rpath = execFileSync('readelf', ['-d', project.at('target/debug/beside')], { encoding: 'utf8' });
  expect(rpath).toContain(`[${project.root}/lib]`);
  project.edit('memory.x', 'LONG(9)', 'LONG(8)');
  await project.good();
  expect(await project.says('beside')).toBe('1 2 7 8');
  project.write({ 'src/other.rs': '', 'README.md': 'two' });
  expect((await project.good()).compiled).toEqual([]);
});

test(
  'a search directory that no sandbox shows is told, whether something is linked from it or not',
  seconds,
  async () => {
    const project = place.project('elsewhere', {
      'Cargo.toml': manifest('elsewhere'),
      'build.rs':
        'fn main() { for dir in ["native=/usr/lib", "/nowhere", &std::env::var("SDK").unwrap()] { println!("cargo::rustc-link-search={dir}"); } println!("cargo::rerun-if-env-changed=SDK"); }\n',
      'src/main.rs': 'fn main() {}\n',
    });
    const sdk = `${place.directory}/sdk`;
    fs.mkdirSync(sdk);
    const { stderr } = await project.good([], { SDK: sdk });
    expect(stderr.match(/has linkers search .*/g)).toEqual([`has linkers search ${sdk}, which sandboxes do not show`]);
    const inside = await project.good([], { SDK: project.root });
    expect(inside.stderr).not.toContain('has linkers search');
  },
);

/** Where drydock and build scripts write: places of the user's own that are odd, and places that are not for them. */
import * as fs from 'node:fs';
import { expect, test } from 'vitest';
import { manifest, Place, program } from './support.ts';

const place = new Place('own-place');
const seconds = { timeout: 120_000 };
const main = { 'src/main.rs': 'fn main() { print!("1"); }\n' };

test('a store and caches within the package are no sources of it', seconds, async () => {
  const script = { 'build.rs': 'fn main() {}\n' };
  const project = place.project('within', { 'Cargo.toml': manifest('within'), ...main, ...script });
  const inside = { DRYDOCK_STORE: project.at('store'), XDG_CACHE_HOME: project.at('.cache') };
  await project.good([], inside);
  expect(fs.existsSync(project.at('store/nix/store'))).toBe(true);
  for (const text of ['2', '3']) {
    expect((await project.good([], inside)).compiled).toEqual([]);
    project.write({ 'src/main.rs': `fn main() { print!("${text}"); }\n` });
    expect((await project.good([], inside)).compiled).toEqual(['within (bin)']);
    expect(await project.says('within')).toBe(text);
  }
});

test.each([
  ['XDG_DATA_HOME', 'D0503'],
  ['DRYDOCK_STORE', 'D0503'],
  ['CARGO_TARGET_DIR', 'D1002'],
])('%s below /proc, where nobody makes a directory: an error', seconds, async (name, code) => {
  const project = place.project('proc', { 'Cargo.toml': manifest('proc'), ...main });
  const ended = await project.build([], { [name]: '/proc/self/none' });
  expect(ended.code).toBe(101);
  expect(ended.stderr).toContain(`error[${code}]: `);
  expect(ended.stderr).toContain("EPERM: its file system makes no directories, mkdir '/proc/self/");
});

test('XDG_CACHE_HOME there: nothing is kept, and it builds', seconds, async () => {
  const project = place.project('proc', { 'Cargo.toml': manifest('proc'), ...main });
  await project.good([], { XDG_CACHE_HOME: '/proc/self/none' });
  expect(await project.says('proc')).toBe('1');
});

test('a umask that takes from this user what this user makes is an error, and nothing is made', seconds, async () => {
  const project = place.project('mask', { 'Cargo.toml': manifest('mask'), ...main });
  const masked = (mask: string, store: string) =>
    project.run('sh', ['-c', `umask ${mask}; exec "$@"`, 'sh', process.execPath, program, 'build', '--store', store]);
  for (const mask of ['777', '100', '0277']) {
    const ended = await masked(mask, project.at('none'));
    expect(ended.code).toBe(101);
    expect(ended.stderr).toContain(`error[D1004]: the umask (0${mask.slice(-3)}) takes `);
    expect(fs.readdirSync(project.root).toSorted()).toEqual(['Cargo.toml', 'src']);
  }
  for (const mask of ['077', '000', '022']) {
    const ended = await masked(mask, project.at(`store-${mask}`));
    expect([ended.code, ended.stderr]).toEqual([0, expect.stringContaining('Finished')]);
    expect(await project.says('mask')).toBe('1');
    project.remove('target');
  }
});

test('a script that writes among its sources: what it wrote is named, and how to do it', seconds, async () => {
  const project = place.project('among', {
    'Cargo.toml': manifest('among'),
    'build.rs': `fn main() {
    let date = |name: &str| std::fs::metadata(name).unwrap().modified().unwrap();
    assert_eq!(date("src/old.rs"), date("Cargo.toml"));
    std::fs::File::create("aged").unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    for name in ["src/made.rs", "src/old.rs", "src/same.rs", "include/among.h", "a b"] {
        let _ = std::fs::create_dir("include");
        std::fs::write(name, if name == "src/same.rs" { "// same" } else { "pub const A: u8 = 1;" }).unwrap();
    }
    std::fs::remove_file("src/gone.rs").unwrap();
}
`,
    'src/main.rs': 'mod made;\nfn main() {}\n',
    'src/old.rs': '// old',
    'src/same.rs': '// same',
    'src/gone.rs': '',
  });
  const ended = await project.build();
  expect(ended.code).toBe(101);
  expect(ended.stderr).toContain('file not found for module `made`');
  expect(ended.stderr).toContain(
    'warning: the build script of `among 0.1.0` wrote among its sources, and nothing of that is kept\n',
  );
  expect(ended.stderr).toContain('note: a b, aged, include, and 2 more\n');
  expect(ended.stderr).toContain('help: what is compiled has to be written to OUT_DIR');
  project.edit('src/main.rs', 'mod made;', 'mod old;');
  expect((await project.good()).stderr).toContain('wrote among its sources');
});

test('a script that writes there by the real path fails, and is told why', seconds, async () => {
  const body = 'std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/made.rs"), "").unwrap();';
  const files = { 'Cargo.toml': manifest('real'), 'build.rs': `fn main() { ${body} }\n`, ...main };
  const ended = await place.project('real', files).build();
  expect(ended.code).toBe(101);
  expect(ended.stderr).toContain(
    'error[D0308]: the build script of `real 0.1.0` wanted to write elsewhere than to OUT_DIR',
  );
});

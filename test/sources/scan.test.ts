import * as path from 'node:path';
import { expect, test } from 'vitest';
import { lay, names, openAt, packageAt, readByRustc, request } from './helpers.ts';

/** Crates with the files that rustc reads for `src/lib.rs`; the others must not be in the closure. */
const crates: Readonly<Record<string, { files: Record<string, string>; unread: string[] }>> = {
  'modules by name, nested and inline': {
    files: {
      'src/lib.rs': 'mod a; mod c { mod d; mod e { mod f; } }',
      'src/a.rs': 'mod b; mod g { mod h; }',
      'src/a/b.rs': '',
      'src/a/g/h.rs': '',
      'src/c/d.rs': '',
      'src/c/e/f.rs': 'mod deep;',
      'src/c/e/f/deep/mod.rs': 'mod last;',
      'src/c/e/f/deep/last.rs': '',
      'src/main.rs': 'fn main() {}',
      'src/unused.rs': '',
    },
    unread: ['src/main.rs', 'src/unused.rs'],
  },
  'paths, also on inline modules and from files that are not mod.rs': {
    files: {
      'src/lib.rs': '#[path = "x/one.rs"] mod one; #[path = "dir"] mod two { mod three; } mod plain;',
      'src/x/one.rs': 'mod beside;',
      'src/x/beside.rs': '',
      'src/dir/three.rs': '',
      'src/plain.rs':
        '#[path = "flat.rs"] mod a; mod inner { #[path = "b.rs"] mod b; } #[path = "moved"] mod m { mod n; }',
      'src/flat.rs': '',
      'src/plain/inner/b.rs': '',
      'src/moved/n.rs': '',
      'src/one.rs': '',
      'src/plain/flat.rs': '',
    },
    unread: ['src/one.rs', 'src/plain/flat.rs'],
  },
  includes: {
    files: {
      'src/lib.rs': `include!("inc/code.in"); mod m;
        pub const A: &str = include_str!("../data/a.txt");
        pub const B: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/b.bin"));
        #[doc = include_str!("../README.md")] pub struct Documented;`,
      'src/inc/code.in': 'mod from_include; pub const C: &str = include_str!("near.txt");',
      'src/inc/from_include.rs': '',
      'src/inc/near.txt': 'near',
      'src/m.rs': '',
      'data/a.txt': 'a',
      'data/b.bin': 'b',
      'README.md': '# Demo',
      'data/c.txt': 'not read',
    },
    unread: ['data/c.txt'],
  },
  macros: {
    files: {
      'src/lib.rs': `macro_rules! on { ($($i:item)*) => { $($i)* } }
        on! { mod a; #[path = "elsewhere.rs"] pub(crate) mod b; }
        macro_rules! module { () => { mod made; pub const T: &str = include_str!("t.txt"); } }
        mod user;`,
      'src/a.rs': '',
      'src/elsewhere.rs': '',
      'src/user.rs': 'mod deeper;',
      'src/user/deeper/mod.rs': 'module!();',
      'src/user/deeper/made.rs': '',
      'src/user/deeper/t.txt': 't',
      'src/b.rs': '',
    },
    unread: ['src/b.rs'],
  },
};

test.each(Object.entries(crates))('closure of a crate with %s is what rustc reads', (_, { files, unread }) => {
  const root = lay({ 'Cargo.toml': '', ...files });
  const closure = openAt(root).sources.closure(request({ package: packageAt(root) }));
  const wanted = Object.keys(files)
    .filter((file) => !unread.includes(file))
    .sort();
  expect(readByRustc(root, 'src/lib.rs')).toEqual(wanted);
  expect(names(closure)).toEqual(wanted);
});

test('modules that do not exist, and ones that a cfg hides, are simply absent', () => {
  const root = lay({ 'src/lib.rs': '#[cfg(any())] mod gone; #[cfg(windows)] mod win;', 'src/win.rs': '' });
  const closure = openAt(root).sources.closure(request({ package: packageAt(root) }));
  expect(names(closure)).toEqual(['src/lib.rs', 'src/win.rs']);
});

test('both files of an ambiguous module are shown, so that rustc sees what cargo would show it', () => {
  const root = lay({ 'src/lib.rs': 'mod a;', 'src/a.rs': '', 'src/a/mod.rs': '' });
  expect(names(openAt(root).sources.closure(request({ package: packageAt(root) })))).toHaveLength(3);
});

test('modules that include each other end', () => {
  const root = lay({ 'src/lib.rs': 'mod a;', 'src/a.rs': '#[path = "lib.rs"] mod l; #[path = "a.rs"] mod a;' });
  expect(names(openAt(root).sources.closure(request({ package: packageAt(root) })))).toEqual([
    'src/a.rs',
    'src/lib.rs',
  ]);
});

test('a directory that a path only passes through exists in the tree', () => {
  const files = { 'src/lib.rs': 'mod a { #[path = "../b.rs"] mod b; }', 'src/b.rs': '', 'src/a/other.rs': '' };
  const root = lay(files);
  expect(readByRustc(root, 'src/lib.rs')).toContain('src/b.rs');
  const closure = openAt(root).sources.closure(request({ package: packageAt(root) }));
  expect(names(closure)).toEqual(['src/a/other.rs', 'src/b.rs', 'src/lib.rs']);
});

test('names found in the text count even when git ignores them; a dynamic name takes the whole package', () => {
  const root = lay({
    '.gitignore': 'generated.rs\nsecret.txt\n',
    'src/lib.rs': 'mod generated;',
    'src/generated.rs': '',
    'src/bin/tool.rs': 'const X: &str = include_str!(path!()); fn main() {}',
    'secret.txt': '',
    'README.md': '',
  });
  const { sources } = openAt(root);
  const pkg = packageAt(root);
  expect(names(sources.closure(request({ package: pkg })))).toEqual(['src/generated.rs', 'src/lib.rs']);
  const tool = sources.closure(request({ package: pkg, entry: path.join(root, 'src/bin/tool.rs') }));
  expect(names(tool)).toEqual(['.gitignore', 'README.md', 'src/bin/tool.rs', 'src/lib.rs']);
});

test('variables of all files come with the closure', () => {
  const root = lay({ 'src/lib.rs': 'mod a; const X: &str = env!("ONE");', 'src/a.rs': 'option_env!("TWO")' });
  expect(openAt(root).sources.closure(request({ package: packageAt(root) })).env).toEqual(['ONE', 'TWO']);
});

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Facts, readFacts } from '../../src/sources/facts.ts';

function factsOf(text: string): Facts {
  return readFacts(Buffer.from(text));
}

function modulePaths(text: string): string[] {
  return factsOf(text).modules.map(
    ({ path, byName, inStem }) => `${inStem ? '<stem>/' : ''}${path}${byName ? '' : ' (path)'}`,
  );
}

/** Text that names nothing, however much it looks as if. */
const noise = [
  '// mod a; "',
  '/* mod b; /* nested " */ mod c; */',
  '/// mod d;\n/** include!("x") */',
  'const S: &str = "mod e; \\" include_str!(\\"f\\")";',
  'const R: &str = r#"mod g; " mod h; "#;',
  'const H: &str = r##"a "# mod i; "##;',
  'const B: &[u8] = b"mod j; \\"";',
  'const BR: &[u8] = br#"mod k; ""#;',
  'const C: &CStr = c"mod l;";',
  "const Q: char = '\"';",
  "const A: char = '\\'';",
  "const BQ: u8 = b'\"';",
  "const BA: u8 = b'\\'';",
  "const U: char = '\\u{1F600}';",
  "const E: char = 'é';",
  "fn life<'a, 'mod_>(x: &'a str, y: &'static str) -> &'a str { x }",
  "fn r#mod(r#include: u8) { let r#env = 'x'; }",
  "fn label() { 'outer: loop { break 'outer; } }",
  'mod inline { fn f() {} }',
  'fn numbers() { let _ = (1u8, 0x6d_u32, 1.0e3, 1..2, 0b1); }',
  'macro_rules! m { ($x:expr) => { $x }; (mod $name:ident) => {}; }',
  '#[doc = "mod m;"] struct T;',
  'fn include() {} struct env;',
  "impl<'r> X<'r> { fn q(c: char) -> bool { c == '{' || c == '}' || c == '\"' } }",
];

test('text that names no module names none', () => {
  for (const text of noise) expect(modulePaths(text), text).toEqual([]);
});

test('modules are found between any noise, and no more', () => {
  const piece = fc.oneof(
    fc.constantFrom(...noise).map((text) => ({ text, name: null })),
    fc.constantFrom('alpha', 'beta', 'gamma').map((name) => ({ text: `pub(in crate::x) mod ${name};`, name })),
    fc.constantFrom('delta', 'type').map((name) => ({ text: `#[cfg(x)] mod /* c */ r#${name} ;`, name })),
  );
  const glue = fc.constantFrom('\n', '\n\n', '\r\n', '\n\t');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), glue, (pieces, between) => {
      const text = pieces.map((one) => one.text).join(between);
      const wanted = pieces.flatMap((one) => (one.name === null ? [] : [`<stem>/${one.name}`]));
      expect(modulePaths(text)).toEqual(wanted);
      expect(factsOf(text).dynamic).toBe(false);
    }),
    { numRuns: 500 },
  );
});

test('any bytes are read to the end', () => {
  const rust = fc.constantFrom(
    '"',
    "'",
    'r#"',
    '/*',
    '*/',
    '//',
    '\n',
    '\\',
    'mod x;',
    '#[path="',
    '{',
    '}',
    'include!(',
    'é',
    '#',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(rust, fc.string()), { maxLength: 30 }), (parts) => {
      expect(() => readFacts(Buffer.from(`mod ${parts.join('')}`))).not.toThrow();
    }),
    { numRuns: 500 },
  );
});

test('inline modules are directories, and a path on one replaces name and stem', () => {
  const text = `
    mod a { mod b { mod c; } #[path = "other.rs"] mod d; }
    #[path = "dir"] mod e { mod f; #[path = "g.rs"] mod g; }
    cfg_if! { if #[cfg(unix)] { mod h; } else { mod i { mod j; } } }
    mod k;`;
  expect(modulePaths(text)).toEqual([
    '<stem>/a/b/c',
    '<stem>/a/other.rs (path)',
    'dir/f',
    'dir/g.rs (path)',
    '<stem>/h',
    '<stem>/i/j',
    '<stem>/k',
  ]);
});

test('a path holds for its own item only, and in cfg_attr for one of several cases', () => {
  expect(modulePaths('#[path = "x.rs"] #[cfg(unix)] pub(crate) mod a; mod b;')).toEqual(['x.rs (path)', '<stem>/b']);
  expect(modulePaths('#[path = "x.rs"] struct S; mod a;')).toEqual(['<stem>/a']);
  expect(modulePaths('#[serde(path = "x.rs")] mod a;')).toEqual(['<stem>/a']);
  const cfg = '#[cfg_attr(unix, path = "u.rs")] #[cfg_attr(windows, allow(x), path = r"w.rs")] mod sys;';
  expect(modulePaths(cfg)).toEqual(['u.rs (path)', 'w.rs (path)', '<stem>/sys']);
});

test('include macros with literals, concat and the manifest directory', () => {
  const { includes, dynamic } = factsOf(`
    include!("a.rs"); core::include_str!(r"b.txt",); include_bytes![concat!("c", '.', 1, ".bin")];
    #![doc = include_str!("../READ\\u{4d}E.md")]
    const X: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR", "why"), "/d", concat!("/e")));
    include!(concat!(env!("OUT_DIR"), "/gen.rs"));`);
  expect(dynamic).toBe(false);
  expect(includes.map(({ base, path, isRust }) => `${base} ${path} ${isRust}`)).toEqual([
    'file a.rs true',
    'file b.txt false',
    'file c.1.bin false',
    'file ../README.md false',
    'manifest /d/e false',
  ]);
});

test.each([
  'include_str!($path);',
  'include!(env!("GENERATED"));',
  'include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/", $name));',
  'include_str!(path!());',
  'macro_rules! mods { ($($m:ident)*) => { $(mod $m;)* } }',
  'macro_rules! m { ($m:ident) => { mod $m { mod inner; } } }',
  'macro_rules! m { ($p:literal) => { #[path = $p] mod x; } }',
])('%s can only be followed by the compiler', (text) => {
  expect(factsOf(text).dynamic).toBe(true);
});

test('what stands in a macro definition is relative to whatever file uses the macro', () => {
  const { modules, includes } = factsOf(`
    macro_rules! m { () => { mod a; const T: &str = include_str!("t.txt"); } }
    mod b;`);
  expect(modules.map(({ path, floating }) => [path, floating])).toEqual([
    ['a', true],
    ['b', false],
  ]);
  expect(includes[0]?.floating).toBe(true);
});

test('variables are the ones that env! and option_env! name', () => {
  expect(factsOf('env!("A"); option_env!("B"); std::env::var("C"); // env!("D")').env).toEqual(['A', 'B']);
  const asks = 'env::var("C").ok(); var_os ( r"D" ); let var = "E"; var(F); (b.var)("G"); // var("H")';
  expect(factsOf(asks).asked).toEqual(['C', 'D']);
});

test('programs are the ones that Command::new names', () => {
  const text = 'Command::new("a"); process :: Command :: new(r"b").arg("c"); Command::new(d); // Command::new("e")';
  expect(factsOf(text).programs).toEqual(['a', 'b']);
});

test('a first line for the shell, a byte order mark and front matter are no program', () => {
  expect(modulePaths('#!/usr/bin/env mod x;\nmod a;')).toEqual(['<stem>/a']);
  expect(modulePaths('\uFEFF#![allow(x)]\nmod a;')).toEqual(['<stem>/a']);
  expect(modulePaths('#!/bin/x\n---\nmod x; "\n---\nmod a;')).toEqual(['<stem>/a']);
});

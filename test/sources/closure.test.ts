import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { lay, names, openAt, packageAt, request, temporary } from './helpers.ts';

/** A workspace with one member that has all kinds of files. */
function workspace(): { root: string; member: string } {
  const root = lay({
    'Cargo.toml': '[workspace]',
    'Cargo.lock': '',
    '.gitignore': '/target\n*.log\n',
    'shared/notes.txt': 'shared',
    'crates/a/Cargo.toml': '',
    'crates/a/build.rs': 'fn main() {}',
    'crates/a/src/lib.rs': 'mod m;',
    'crates/a/src/m.rs': '',
    'crates/a/src/main.rs': 'fn main() {}',
    'crates/a/proto/x.proto': '',
    'crates/a/proto/deep/y.proto': '',
    'crates/a/migrations/1.sql': '',
    'crates/a/debug.log': '',
    'crates/a/inner/Cargo.toml': '',
    'crates/a/inner/src/lib.rs': '',
    'crates/a/out/CACHEDIR.TAG': 'Signature: 8a477f597d28d172789f06886806bc55\n# made by cargo',
    'crates/a/out/debug/x': '',
    'target/debug/x': '',
  });
  return { root, member: path.join(root, 'crates/a') };
}

const whole = [
  'crates/a/Cargo.toml',
  'crates/a/build.rs',
  'crates/a/migrations/1.sql',
  'crates/a/proto/deep/y.proto',
  'crates/a/proto/x.proto',
  'crates/a/src/lib.rs',
  'crates/a/src/m.rs',
  'crates/a/src/main.rs',
];
const scanned = ['crates/a/src/lib.rs', 'crates/a/src/m.rs'];

test('a member is rooted at the workspace, and a compilation sees what its text names', () => {
  const { root, member } = workspace();
  const closure = openAt(root).sources.closure(request({ package: packageAt(member) }));
  expect(closure.root).toBe(root);
  expect(closure.form).toBe('tree');
  expect(names(closure)).toEqual(scanned);
  expect(closure.path).toMatch(/^\/nix\/store\/[0-9a-z]{32}-demo-0\.1\.0-source$/);
});

test('what a record names is added, a directory with all below it; what is gone is left out', () => {
  const { root, member } = workspace();
  const record = { files: ['shared/notes.txt', 'crates/a/proto', 'crates/a/debug.log', 'nowhere'] };
  const closure = openAt(root).sources.closure(request({ package: packageAt(member), record }));
  expect(names(closure)).toEqual(
    [
      ...scanned,
      'shared/notes.txt',
      'crates/a/proto/x.proto',
      'crates/a/proto/deep/y.proto',
      'crates/a/debug.log',
    ].sort(),
  );
});

test('the whole package: no ignored files, caches or other packages', () => {
  const { root, member } = workspace();
  const { sources } = openAt(root);
  const pkg = packageAt(member);
  expect(names(sources.closure(request({ package: pkg, macroReadsFiles: true })))).toEqual(whole);
  expect(names(sources.closure(request({ package: pkg, record: { wholePackage: true } })))).toEqual(whole);
  expect(names(sources.closure(request({ package: pkg, purpose: 'run' })))).toEqual(whole);
});

test('a build script that says what it reads gets just that', () => {
  const { root, member } = workspace();
  const { sources } = openAt(root);
  const run = (rerun: string[]) =>
    names(sources.closure(request({ package: packageAt(member), purpose: 'run', record: { rerun } })));
  expect(run(['crates/a/proto', 'crates/a/build.rs'])).toEqual([
    'crates/a/build.rs',
    'crates/a/proto/deep/y.proto',
    'crates/a/proto/x.proto',
  ]);
  expect(run([])).toEqual([]);
  expect(run(['crates/a'])).toContain('crates/a/debug.log');
  expect(run(['crates/a'])).not.toContain('crates/a/out/debug/x');
});

test('declared globs take the place of the whole package', () => {
  const { root, member } = workspace();
  const pkg = packageAt(member, {
    metadata: { drydock: { inputs: ['migrations/**', '*.{log,txt}', '../../shared'] } },
  });
  const closure = openAt(root).sources.closure(request({ package: pkg, macroReadsFiles: true }));
  expect(names(closure)).toEqual(
    [...scanned, 'crates/a/debug.log', 'crates/a/migrations/1.sql', 'shared/notes.txt'].sort(),
  );
  const wrong = packageAt(member, { metadata: { drydock: { inputs: 'x' } } });
  expect(() => openAt(root).sources.closure(request({ package: wrong }))).toThrow(/D0401/);
});

test('a package outside of the workspace is rooted at itself, or as far up as its text reaches', () => {
  const root = lay({
    'ws/Cargo.toml': '',
    'lib/Cargo.toml': '',
    'lib/src/lib.rs': 'mod a;',
    'lib/src/a.rs': '',
    'lib/src/up.rs': 'const X: &str = include_str!("../../README.md");',
    'README.md': '',
  });
  const { sources } = openAt(path.join(root, 'ws'));
  const pkg = packageAt(path.join(root, 'lib'), { source: { kind: 'path', member: false } });
  const plain = sources.closure(request({ package: pkg }));
  expect([plain.root, names(plain)]).toEqual([pkg.root, ['src/a.rs', 'src/lib.rs']]);
  const up = sources.closure(request({ package: pkg, entry: path.join(pkg.root, 'src/up.rs') }));
  expect([up.root, names(up)]).toEqual([root, ['README.md', 'lib/src/up.rs']]);
});

test('a workspace below the top of its repository may name files above it', () => {
  const root = lay({
    'README.md': '',
    'rust/Cargo.toml': '',
    'rust/src/lib.rs': '#![doc = include_str!("../../README.md")]',
  });
  const closure = openAt(path.join(root, 'rust')).sources.closure(
    request({ package: packageAt(path.join(root, 'rust')) }),
  );
  expect([closure.root, names(closure)]).toEqual([root, ['README.md', 'rust/src/lib.rs']]);
});

test('same files, same path: for each unit, at each place, and after a touch', () => {
  const [one, two] = [workspace(), workspace()];
  const { sources, cacheDir } = openAt(one.root);
  const lib = sources.closure(request({ package: packageAt(one.member) }));
  const copy = openAt(two.root).sources.closure(request({ package: packageAt(two.member) }));
  expect(copy.path).toBe(lib.path);
  sources.save();
  fs.utimesSync(path.join(one.member, 'src/m.rs'), 1, 1);
  expect(openAt(one.root, cacheDir).sources.closure(request({ package: packageAt(one.member) })).path).toBe(lib.path);
  fs.writeFileSync(path.join(one.member, 'README.md'), 'unread');
  expect(openAt(one.root, cacheDir).sources.closure(request({ package: packageAt(one.member) })).path).toBe(lib.path);
  fs.chmodSync(path.join(one.member, 'src/m.rs'), 0o755);
  expect(openAt(one.root, cacheDir).sources.closure(request({ package: packageAt(one.member) })).path).not.toBe(
    lib.path,
  );
});

test('links are read through: to files, to directories, and not in circles', () => {
  const root = lay({ 'Cargo.toml': '', 'src/lib.rs': 'mod linked;', 'real/mod.rs': 'mod x;', 'real/x.rs': '' });
  fs.symlinkSync('../real', path.join(root, 'src/linked'));
  fs.symlinkSync('..', path.join(root, 'real/up'));
  fs.symlinkSync('nowhere', path.join(root, 'real/broken'));
  fs.symlinkSync('/', path.join(root, 'real/top'));
  fs.symlinkSync('../Cargo.toml', path.join(root, 'src/manifest'));
  const { sources } = openAt(root);
  const pkg = packageAt(root);
  expect(names(sources.closure(request({ package: pkg })))).toEqual([
    'src/lib.rs',
    'src/linked/mod.rs',
    'src/linked/x.rs',
  ]);
  expect(names(sources.closure(request({ package: pkg, purpose: 'run' })))).toEqual([
    'Cargo.toml',
    'real/mod.rs',
    'real/x.rs',
    'src/lib.rs',
    'src/linked/mod.rs',
    'src/linked/x.rs',
    'src/manifest',
  ]);
});

test("a git package: everything but git and cargo's mark; rooted higher where its text leads out of it", () => {
  const checkout = lay({
    '.git/config': '',
    '.cargo-ok': '',
    '.gitignore': '*.txt',
    'a/src/lib.rs': 'const X: &str = include_str!("../../LICENSE");',
    'a/data.txt': '',
    'b/Cargo.toml': '',
    'b/.cargo-ok': '',
    'b/x.txt': '',
    'b/src/lib.rs': '',
    LICENSE: '',
  });
  const { sources } = openAt(temporary());
  const source = { kind: 'git', checkout, revision: '0'.repeat(40) } as const;
  const a = sources.closure(request({ package: packageAt(path.join(checkout, 'a'), { source }) }));
  expect([a.root, names(a)]).toEqual([checkout, ['LICENSE', 'a/data.txt', 'a/src/lib.rs']]);
  const b = sources.closure(request({ package: packageAt(path.join(checkout, 'b'), { source }) }));
  expect([b.root, names(b)]).toEqual([path.join(checkout, 'b'), ['Cargo.toml', 'src/lib.rs', 'x.txt']]);
});

test('what is watched tells files that changed, came or went', () => {
  const root = lay({ 'Cargo.toml': '', 'src/lib.rs': 'mod a; mod gone;', 'src/a.rs': '' });
  const { sources } = openAt(root);
  sources.closure(request({ package: packageAt(root) }));
  const watched = sources.watched().map((file) => path.relative(root, file));
  expect(watched).toEqual(expect.arrayContaining(['src/lib.rs', 'src/a.rs', 'src/a/mod.rs', 'src/gone.rs']));
  sources.closure(request({ package: packageAt(root), purpose: 'run' }));
  expect(sources.watched()).toEqual(
    expect.arrayContaining([root, path.join(root, 'src'), path.join(root, '.gitignore')]),
  );
  sources.save();
  expect(sources.watched(), 'of the pass that ended').toContain(path.join(root, 'src'));
  sources.closure(request({ package: packageAt(root) }));
  expect(sources.watched(), 'of the pass that began').not.toContain(path.join(root, 'src'));
});

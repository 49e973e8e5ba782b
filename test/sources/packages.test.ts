import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import type { Package } from '../../src/cargo/types.ts';
import { readCrate } from '../../src/cargo/crate-archive.ts';
import { lay, names, openAt, packageAt, request, temporary } from './helpers.ts';

const digestOf = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');

/** A registry package whose archive GNU tar makes; `unpacked` is what lies in cargo's home. */
function registryPackage(files: Record<string, string>, unpacked: Record<string, string> = files): Package {
  const top = lay(Object.fromEntries(Object.entries(files).map(([name, text]) => [`demo-0.1.0/${name}`, text])));
  const archive = path.join(top, 'demo-0.1.0.crate');
  execFileSync('tar', ['--format=ustar', '-czf', archive, '-C', top, 'demo-0.1.0']);
  const root = lay(unpacked);
  const source = { kind: 'crate', archive, sha256: digestOf(fs.readFileSync(archive)) } as const;
  const targets = [
    { kind: ['proc-macro'], src_path: path.join(root, 'src/lib.rs') },
    { kind: ['custom-build'], src_path: path.join(root, 'made/build.rs') },
  ] as unknown as Package['targets'];
  return packageAt(root, { source, targets });
}

/** A vendored package with the checksum file that `cargo vendor` writes. */
function vendoredPackage(files: Record<string, string>, locked: string | null = 'aa'): Package {
  const sums = Object.fromEntries(Object.entries(files).map(([name, text]) => [name, digestOf(text)]));
  const root = lay({ ...files, '.cargo-checksum.json': JSON.stringify({ files: sums, package: 'aa' }) });
  return packageAt(root, { source: { kind: 'vendored', sha256: locked } });
}

test('a registry package is its archive, known by the checksum without a look at any file', () => {
  const source = { kind: 'crate', archive: '/nowhere/demo-0.1.0.crate', sha256: 'c'.repeat(64) } as const;
  const closure = openAt(temporary()).sources.closure(request({ package: packageAt('/nowhere', { source }) }));
  expect(closure.form).toBe('archive');
  expect(closure.input).toEqual({ kind: 'file', path: closure.path, from: source.archive, sha256: source.sha256 });
  expect(closure.path).toMatch(/-demo-0\.1\.0\.crate$/);
});

test.each(['ustar', 'gnu', 'pax'])('archives in tar format %s, long names included', (format) => {
  const long = `${'d'.repeat(format === 'ustar' ? 60 : 120)}/${'f'.repeat(90)}.rs`;
  const files = { 'src/lib.rs': 'fn f() {}', [long]: 'x'.repeat(1500), empty: '' };
  const top = lay(Object.fromEntries(Object.entries(files).map(([name, text]) => [`demo-0.1.0/${name}`, text])));
  const archive = path.join(top, 'a.crate');
  execFileSync('tar', [`--format=${format}`, '-czf', archive, '-C', top, 'demo-0.1.0']);
  const read = readCrate(archive, digestOf(fs.readFileSync(archive)));
  expect(read.ok && Object.fromEntries([...read.value].map(([name, text]) => [name, text.toString()]))).toEqual(files);
});

test('an archive with another checksum is refused by name', () => {
  const pkg = registryPackage({ 'src/lib.rs': '' });
  if (pkg.source.kind === 'crate') fs.appendFileSync(pkg.source.archive, 'x');
  expect(() => openAt(temporary()).sources.mentionsFileSystem(pkg)).toThrow(/D0123.*demo-0\.1\.0\.crate/s);
});

test.each([
  ['use std::fs;', true],
  ['use std::{fs::File, io};', true],
  ['fn f(p: &std::path::Path) -> bool { p.exists() }', true],
  ['std::process::Command::new("x");', true],
  ['proc_macro::tracked_path::path("x");', true],
  ['// std::fs\n/* File::open */ const S: &str = "std::fs::read";', false],
  ['quote! { clap::Command::new("x") };', false],
  ['impl Read for X { fn read_to_string(&mut self, s: &mut String) { self.0.read_to_string(s) } }', false],
  ['#[cfg(test)] mod tests {}', false],
])('a macro package with %s: %s', (text, mentions) => {
  const others = {
    'build.rs': '',
    'made/build.rs': 'std::fs::read',
    'tests/a.rs': 'std::fs',
    'examples/b.rs': 'std::fs',
  };
  const { sources, cacheDir } = openAt(temporary());
  const pkg = registryPackage({ 'src/lib.rs': 'mod m;', 'src/m.rs': text, ...others }, { 'src/m.rs': 'std::fs::read' });
  expect(sources.mentionsFileSystem(pkg)).toBe(mentions);
  sources.save();
  if (pkg.source.kind === 'crate') fs.rmSync(pkg.source.archive);
  expect(openAt('/other', cacheDir).sources.mentionsFileSystem(pkg), 'known by its checksum').toBe(mentions);
  expect(openAt('/other').sources.mentionsFileSystem(pkg), 'without an archive: careful').toBe(true);

  const root = lay({ 'src/lib.rs': 'mod m;', 'src/m.rs': text, ...others });
  const targets = [{ kind: ['proc-macro'], src_path: path.join(root, 'src/lib.rs') }] as unknown as Package['targets'];
  expect(openAt(root).sources.mentionsFileSystem(packageAt(root, { targets }))).toBe(mentions);
});

test('a vendored package is what its checksum file lists', () => {
  const pkg = vendoredPackage({ 'src/lib.rs': 'fn f() {}', 'Cargo.toml': '' });
  lay({ 'unlisted.rs': '' }, pkg.root);
  const { sources } = openAt(temporary());
  const closure = sources.closure(request({ package: pkg }));
  expect([closure.root, names(closure)]).toEqual([pkg.root, ['Cargo.toml', 'src/lib.rs']]);
  expect(sources.watched()).toEqual([path.join(pkg.root, '.cargo-checksum.json')]);
});

test('an edited vendored file, a missing one, another package, a damaged list: each is told apart', () => {
  const fail = (pkg: Package): unknown => {
    try {
      openAt(temporary()).sources.closure(request({ package: pkg }));
    } catch (error) {
      return String(error);
    }
    return null;
  };
  const edited = vendoredPackage({ 'src/lib.rs': 'fn f() {}' });
  fs.writeFileSync(path.join(edited.root, 'src/lib.rs'), 'fn g() {}');
  expect(fail(edited)).toMatch(/D0405.*src\/lib\.rs/s);
  const missing = vendoredPackage({ 'src/lib.rs': '' });
  fs.rmSync(path.join(missing.root, 'src/lib.rs'));
  expect(fail(missing)).toMatch(/D0405.*no such file/s);
  expect(fail(vendoredPackage({ 'src/lib.rs': '' }, 'bb'))).toMatch(/D0404/);
  const damaged = vendoredPackage({ 'src/lib.rs': '' });
  fs.writeFileSync(path.join(damaged.root, '.cargo-checksum.json'), '{');
  expect(fail(damaged)).toMatch(/D0403.*does not parse/s);
  fs.rmSync(path.join(damaged.root, '.cargo-checksum.json'));
  expect(fail(damaged)).toMatch(/D0403.*cannot be read/s);
  expect(fail(vendoredPackage({ 'src/lib.rs': '' }, null))).toBeNull();
});

test('an edit of a vendored file is found although the first look was kept', () => {
  const pkg = vendoredPackage({ 'src/lib.rs': 'fn f() {}' });
  const { sources, cacheDir } = openAt(temporary());
  sources.closure(request({ package: pkg }));
  sources.save();
  fs.writeFileSync(path.join(pkg.root, 'src/lib.rs'), 'fn g() {}');
  expect(() => sources.closure(request({ package: pkg }))).toThrow(/D0405/);
  expect(() => openAt(temporary(), cacheDir).sources.closure(request({ package: pkg }))).toThrow(/D0405/);
});

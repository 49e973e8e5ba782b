import { parse } from 'smol-toml';
import { expect, test } from 'vitest';
import { run } from '../../src/sys/run.ts';
import { lintFlags } from '../../src/cargo/lints.ts';
import { asSpecification, parseLockFile, parsePackageId } from '../../src/cargo/lock-file.ts';
import { declaredFeatures } from '../../src/cargo/manifest.ts';
import { makeProject, manifest, packageNamed } from './project.ts';

test('features: implicit ones of optional dependencies unless dep: hides them', () => {
  const text = `
[features]
default = ["b"]
b = ["dep:hidden"]
Z = []
[dependencies]
hidden = { version = "1", optional = true }
shown = { version = "1", optional = true }
always = "1"
[dev-dependencies]
never = "1"
[build-dependencies]
tool = { version = "1", optional = true }
[target.'cfg(unix)'.dependencies]
unixy = { version = "1", optional = true }
`;
  expect(declaredFeatures(parse(text))).toEqual(['Z', 'b', 'default', 'shown', 'tool', 'unixy']);
});

test('lints: lower priorities first, groups last among equals, check-cfg at the end', () => {
  const text = `
[rust]
unused = { level = "allow", priority = -1 }
dead_code = "deny"
unsafe_code = "forbid"
unexpected_cfgs = { level = "warn", check-cfg = ["cfg(a)", 'cfg(b, values("c"))'] }
[clippy]
all = { level = "warn", priority = -1 }
todo = "warn"
[rustdoc]
all = "warn"
[cargo]
something = "deny"
`;
  expect(lintFlags(parse(text))).toEqual([
    '--allow=unused',
    '--warn=clippy::all',
    '--forbid=unsafe_code',
    '--warn=unexpected_cfgs',
    '--warn=clippy::todo',
    '--deny=dead_code',
    '--warn=rustdoc::all',
    '--check-cfg',
    'cfg(a)',
    '--check-cfg',
    'cfg(b, values("c"))',
  ]);
});

test("inherited fields and lints; rustc's arguments are those of cargo", async () => {
  const project = makeProject({
    'Cargo.toml': `[workspace]
members = ["app"]
[workspace.package]
version = "1.2.3"
edition = "2021"
authors = ["A", "B"]
description = "shared"
license-file = "LICENSE"
readme = "docs/README.md"
rust-version = "1.70"
[workspace.lints.rust]
dead_code = "allow"
unused = { level = "warn", priority = -1 }
unexpected_cfgs = { level = "warn", check-cfg = ["cfg(mine)"] }
`,
    LICENSE: '',
    'docs/README.md': '',
    'app/Cargo.toml': `[package]
name = "app"
version.workspace = true
edition.workspace = true
authors.workspace = true
description = { workspace = true }
license-file.workspace = true
readme.workspace = true
rust-version.workspace = true
homepage = "here"
[package.metadata.drydock]
allow = ["x"]
[lints]
workspace = true
`,
    'app/src/main.rs': 'fn main() {}\n',
  });
  const app = packageNamed(await project.workspace(['build']), 'app');
  expect(app).toMatchObject({
    version: '1.2.3',
    authors: ['A', 'B'],
    description: 'shared',
    homepage: 'here',
    licenseFile: '../LICENSE',
    readme: '../docs/README.md',
    rustVersion: '1.70',
    metadata: { drydock: { allow: ['x'] } },
  });
  const { stderr } = await run('cargo', ['check', '-v'], { cwd: project.root, env: project.environment });
  expect(stderr.toString()).toContain(` ${app.lintFlags.slice(0, 3).join(' ')} --check-cfg 'cfg(mine)' `);
});

test('a README is found without being named', async () => {
  const project = makeProject({ 'Cargo.toml': manifest('app'), 'README.txt': '', 'src/lib.rs': '' });
  expect(packageNamed(await project.workspace(['build']), 'app').readme).toBe('README.txt');
});

test.each([
  ['path+file:///a/b#0.1.0', { source: 'path+file:///a/b', name: 'b', version: '0.1.0' }],
  ['path+file:///a/b#c@0.1.0', { source: 'path+file:///a/b', name: 'c', version: '0.1.0' }],
  [
    'registry+https://host/index#c@0.1.0+meta',
    { source: 'registry+https://host/index', name: 'c', version: '0.1.0+meta' },
  ],
  ['git+https://host/x/y?branch=z#1.0.0', { source: 'git+https://host/x/y?branch=z', name: 'y', version: '1.0.0' }],
])('%s', (id, parts) => {
  expect(parsePackageId(id)).toEqual(parts);
});

test.each([
  ['a 1.0.0 (registry+https://host/index)', 'registry+https://host/index#a@1.0.0'],
  ['b 0.1.0 (path+file:///a/b)', 'path+file:///a/b#0.1.0'],
  ['y 1.0.0 (git+https://host/x/y?branch=z#0123ab)', 'git+https://host/x/y?branch=z#1.0.0'],
  ['path+file:///a/b#0.1.0', 'path+file:///a/b#0.1.0'],
])('%s as a specification', (id, specification) => {
  expect(asSpecification(id)).toBe(specification);
});

test('lock files: the checksum in the package, or in [metadata] as of old', () => {
  const source = 'registry+https://host/index';
  const spec = { source, name: 'a', version: '1.0.0' };
  const now = `version = 4\n\n[[package]]\nname = "a"\nversion = "1.0.0"\nsource = "${source}"\nchecksum = "00ff"\ndependencies = [\n "b",\n]\n`;
  expect(parseLockFile(now).find(spec)?.checksum).toBe('00ff');
  const old = `[[package]]\nname = "a"\nversion = "1.0.0"\nsource = "${source}"\n\n[metadata]\n"checksum a 1.0.0 (${source})" = "00ee"\n`;
  expect(parseLockFile(old).find(spec)?.checksum).toBe('00ee');
  expect(parseLockFile(now).find({ ...spec, version: '2.0.0' })).toBeNull();
});

test('one name and version from two sources are kept apart', () => {
  const entry = (source: string, checksum: string) =>
    `[[package]]\nname = "a"\nversion = "1.0.0"\nsource = "${source}"\nchecksum = "${checksum}"\n\n`;
  const lock = parseLockFile(entry('registry+https://one', '01') + entry('sparse+https://two/', '02'));
  const find = (source: string) => lock.find({ source, name: 'a', version: '1.0.0' })?.checksum;
  expect(find('registry+https://one')).toBe('01');
  expect(find('sparse+https://two/')).toBe('02');
});

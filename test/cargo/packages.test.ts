import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describePackage } from '../../src/cargo/describe.ts';
import { gitRepository, indexLine, indexPath, localRegistry, pack, sparseRegistry } from './registry.ts';
import { makeProject, manifest, packageNamed } from './project.ts';

const library = {
  '../library/Cargo.toml': manifest(
    'library',
    'description = "of the archive"\nlicense = "MIT"\n[features]\nextra = []\n[lints.rust]\ndead_code = "allow"\n',
  ),
  '../library/src/lib.rs': 'pub fn f() {}\n',
  '../library/README.md': '',
};

const application = (dependency: string) => ({
  'Cargo.toml': manifest('app', `[dependencies]\nlibrary = ${dependency}\n[workspace]\n`),
  'src/main.rs': 'fn main() { library::f() }\n',
});

test('a registry package is what its archive says, not the unpacked copy', async () => {
  const project = makeProject({ ...library, ...application('{ version = "0.1", registry = "mine" }') });
  const crate = await pack(project, '../library', 'library');
  const index = await sparseRegistry(crate);
  project.write({ '.cargo/config.toml': `[registries.mine]\nindex = "${index}"\n` });

  const first = packageNamed(await project.workspace(['build']), 'library');
  expect(first.source).toMatchObject({ kind: 'crate', sha256: crate.sha256 });
  expect(first.source.kind === 'crate' && readFileSync(first.source.archive).equals(readFileSync(crate.archive))).toBe(
    true,
  );
  expect(first).toMatchObject({
    description: 'of the archive',
    features: ['extra'],
    readme: 'README.md',
    lintFlags: ['--allow=dead_code'],
  });
  expect(first.root).toBe(join(first.root, '../library-0.1.0'));
  expect(describePackage(first)).toBe('library v0.1.0 (registry `mine`)');

  appendFileSync(first.manifestPath, '[package.metadata]\nlie = true\n');
  writeFileSync(join(first.root, 'README.txt'), '');
  const second = packageNamed(await project.workspace(['build']), 'library');
  expect(second).toEqual(first);
});

test('an archive that is not the locked one is refused; a missing one as well', async () => {
  const project = makeProject({ ...library, ...application('"0.1"') });
  const crate = await pack(project, '../library', 'library');
  localRegistry(join(project.root, '../registry'), crate);
  project.write({
    '.cargo/config.toml': '[source.crates-io]\nreplace-with = "mine"\n[source.mine]\nlocal-registry = "../registry"\n',
  });
  const archive = join(project.root, '../registry/library-0.1.0.crate');
  expect((await project.cargo(['fetch'])).code).toBe(0);
  const bytes = readFileSync(archive);
  writeFileSync(archive, Buffer.concat([bytes, Buffer.from('x')]));
  await expect(project.read(['build'])).rejects.toMatchObject({ code: 'D0123' });
  rmSync(archive);
  const gone = await project.read(['build']).catch((error: unknown) => error);
  expect(gone).toSatisfy((outcome) => {
    const { code, result } = outcome as { code?: string; result?: { ok: boolean } };
    return code === 'D0120' || result?.ok === false;
  });
  writeFileSync(archive, bytes);
  expect(packageNamed(await project.workspace(['build']), 'library').source).toEqual({
    kind: 'crate',
    archive,
    sha256: crate.sha256,
  });
});

test('a registry with a git index', async () => {
  const project = makeProject({ ...library, ...application('{ version = "0.1", registry = "mine" }') });
  const crate = await pack(project, '../library', 'library');
  const index = join(project.root, '../index');
  const downloads = join(project.root, '../downloads');
  project.write({
    '../index/config.json': JSON.stringify({ dl: `file://${downloads}/{crate}-{version}.crate` }),
    [`../index/${indexPath('library')}`]: indexLine(crate),
    '../downloads/.keep': '',
    '.cargo/config.toml': `[registries.mine]\nindex = "file://${index}"\n`,
  });
  writeFileSync(join(downloads, 'library-0.1.0.crate'), readFileSync(crate.archive));
  await gitRepository(index);
  const found = packageNamed(await project.workspace(['build']), 'library');
  expect(found.source).toMatchObject({ kind: 'crate', sha256: crate.sha256 });
  expect(describePackage(found)).toBe('library v0.1.0 (registry `mine`)');
});

test('a vendored package', async () => {
  const project = makeProject({
    ...application('"0.1"'),
    'vendor/library/Cargo.toml': library['../library/Cargo.toml'],
    'vendor/library/src/lib.rs': library['../library/src/lib.rs'],
    'vendor/library/.cargo-checksum.json': JSON.stringify({ files: {}, package: 'ab'.repeat(32) }),
    '.cargo/config.toml': '[source.crates-io]\nreplace-with = "here"\n[source.here]\ndirectory = "vendor"\n',
  });
  const found = packageNamed(await project.workspace(['build']), 'library');
  expect(found.source).toEqual({ kind: 'vendored', sha256: 'ab'.repeat(32) });
  expect(found.root).toBe(join(project.root, 'vendor/library'));
  expect(found.features).toEqual(['extra']);
});

test('a git dependency in a workspace of its own', async () => {
  const project = makeProject({});
  const repository = join(project.root, '../repository');
  project.write({
    '../repository/Cargo.toml': '[workspace]\nmembers = ["library"]\n[workspace.package]\ndescription = "of git"\n',
    '../repository/library/Cargo.toml': manifest('library', 'description.workspace = true\n'),
    '../repository/library/src/lib.rs': 'pub fn f() {}\n',
    ...application(`{ git = "file://${repository}" }`),
  });
  const revision = await gitRepository(repository);
  const found = packageNamed(await project.workspace(['build']), 'library');
  expect(found).toMatchObject({ description: 'of git', source: { kind: 'git', revision } });
  expect(found.source.kind === 'git' && join(found.source.checkout, 'library')).toBe(found.root);
  expect(readdirSync(found.root)).toContain('Cargo.toml');
});

test('path packages: members, and one outside of the workspace with a workspace of its own', async () => {
  const project = makeProject({
    'Cargo.toml': '[workspace]\nmembers = ["app", "inner"]\n',
    'app/Cargo.toml': manifest(
      'app',
      '[dependencies]\ninner = { path = "../inner" }\nouter = { path = "../../other/outer" }\n',
    ),
    'app/src/lib.rs': '',
    'inner/Cargo.toml': manifest('inner'),
    'inner/src/lib.rs': '',
    '../other/Cargo.toml': '[workspace]\nmembers = ["outer"]\n[workspace.package]\nlicense = "MIT"\n',
    '../other/outer/Cargo.toml': manifest(
      'outer',
      'license.workspace = true\n[dev-dependencies]\nlater = { path = "../later" }\n',
    ),
    '../other/outer/src/lib.rs': '',
    '../other/later/Cargo.toml': manifest('later'),
    '../other/later/src/lib.rs': '',
  });
  const workspace = await project.workspace(['build', '-p', 'app']);
  expect(packageNamed(workspace, 'inner').source).toEqual({ kind: 'path', member: true });
  expect(packageNamed(workspace, 'outer')).toMatchObject({ license: 'MIT', source: { kind: 'path', member: false } });
  expect([...workspace.members].map((id) => id.replace(/.*\//, ''))).toEqual(['app#0.1.0', 'inner#0.1.0']);
  const outside = join(project.root, '../other');
  expect(workspace.manifests).toEqual(
    expect.arrayContaining([
      join(project.root, 'Cargo.toml'),
      join(project.root, 'inner/Cargo.toml'),
      join(outside, 'outer/Cargo.toml'),
      join(outside, 'later/Cargo.toml'),
    ]),
  );
});

import { expect, test } from 'vitest';
import { makeProject, manifest, type Project } from './project.ts';

const app = (rest = '') => makeProject({ 'Cargo.toml': manifest('app', rest), 'src/main.rs': 'fn main() {}\n' });

/** What drydock says and how it ends, and what plain cargo does. */
async function both(project: Project, argv: readonly string[]) {
  const plain = await project.cargo(argv);
  const { result, stderr } = await project.read(argv);
  return { drydock: { code: result.ok ? 0 : result.failure.exitCode, stderr }, cargo: plain };
}

test.each([
  [['build', '--no-such-flag']],
  [['build', '--bin']],
  [['build', '--bin', 'nope']],
  [['build', '-p', 'nope']],
  [['build', '-j', '0']],
  [['build', '--features', 'nope']],
  [['build', '--profile', 'nope']],
  [['build', '--color', 'sometimes']],
  [['build', '--message-format', 'xml']],
  [['build', '--message-format', 'json', '--message-format', 'short']],
  [['build', '--manifest-path', 'nowhere/Cargo.toml']],
  [['build', '--config', 'not toml']],
  [['-v', 'build', '-q']],
  [['build', '-Z', 'unstable-options']],
  [['build', '-Zbuild-std']],
  [['build', '--artifact-dir', 'out']],
  [['build', '--unit-graph']],
  [['-C', 'src', 'build']],
  [['build', '--target', 'no-such-platform']],
  [['no-such-verb']],
])('%j', async (argv) => {
  const { drydock, cargo } = await both(app(), argv);
  expect(cargo.code).not.toBe(0);
  expect(drydock).toEqual(cargo);
});

test('a manifest that does not parse', async () => {
  const { drydock, cargo } = await both(app('[dependencies\n'), ['build']);
  expect(cargo.code).not.toBe(0);
  expect(drydock).toEqual(cargo);
});

test('a manifest that needs a nightly cargo', async () => {
  const project = app();
  project.write({ 'Cargo.toml': `cargo-features = ["profile-rustflags"]\n${manifest('app')}` });
  const { drydock, cargo } = await both(project, ['build']);
  expect(cargo.code).not.toBe(0);
  expect(drydock).toEqual(cargo);
});

test('a manifest key that needs a nightly cargo', async () => {
  const { drydock, cargo } = await both(app('[profile.dev]\nrustflags = ["-g"]\n'), ['build']);
  expect(cargo.code).not.toBe(0);
  expect(drydock).toEqual(cargo);
});

test('a path dependency that needs a nightly cargo', async () => {
  const project = app('[dependencies]\nlib = { path = "../lib" }\n');
  project.write({
    '../lib/Cargo.toml': `cargo-features = ["profile-rustflags"]\n${manifest('lib')}`,
    '../lib/src/lib.rs': '',
  });
  const { result, stderr } = await project.read(['build']);
  expect(result).toEqual({ ok: false, failure: { exitCode: 101 } });
  expect(stderr).toContain((await project.cargo(['build'])).stderr);
});

test('--locked with a lock file that is missing', async () => {
  const { drydock, cargo } = await both(app(), ['build', '--locked']);
  expect(cargo.code).not.toBe(0);
  expect(drydock).toEqual(cargo);
});

test('a dependency that cannot be had offline', async () => {
  const { drydock, cargo } = await both(app('[dependencies]\nno-such-package-here = "1"\n'), ['build', '--offline']);
  expect(cargo.code).not.toBe(0);
  expect(drydock).toEqual(cargo);
});

test('a configuration that does not parse', async () => {
  const project = app();
  project.write({ '.cargo/config.toml': '[build\n' });
  const { drydock, cargo } = await both(project, ['build']);
  expect(cargo.code).not.toBe(0);
  expect(drydock).toEqual(cargo);
});

test('an artifact directory in the configuration', async () => {
  const project = app();
  project.write({ '.cargo/config.toml': '[build]\nartifact-dir = "out"\n' });
  const { drydock, cargo } = await both(project, ['build']);
  expect(cargo.code).not.toBe(0);
  expect(drydock).toEqual(cargo);
});

test('a lock file of a version to come', async () => {
  const project = app();
  project.write({ 'Cargo.lock': 'version = 5\n' });
  const { drydock, cargo } = await both(project, ['build']);
  expect(cargo.code).not.toBe(0);
  expect(drydock).toEqual(cargo);
});

test('no manifest at all', async () => {
  const project = makeProject({ 'a.txt': '' });
  const { drydock, cargo } = await both(project, ['build']);
  expect(cargo.code).not.toBe(0);
  expect(drydock).toEqual(cargo);
});

test('warnings of the manifest read as those of a stable cargo', async () => {
  const project = app('unknown-key = 1\n[lints.cargo]\nfoo = "warn"\n');
  const plain = await project.cargo(['check', '-q']);
  const { result, stderr } = await project.read(['check', '-q']);
  expect(result.ok).toBe(true);
  expect(stderr).toBe(plain.stderr);
  const loud = await project.read(['check']);
  expect(loud.stderr).toContain('switch to nightly channel you can pass');
});

test('unstable configuration stays without effect on a stable cargo', async () => {
  const project = app();
  project.write({ '.cargo/config.toml': '[unstable]\nmtime-on-use = true\nbuild-dir-new-layout = true\n' });
  await project.workspace(['build'], { CARGO_UNSTABLE_BUILD_STD: 'core' });
  project.write({ '.cargo/config.toml': '[unstable]\nbuild-std = ["core"]\n' });
  await expect(project.read(['build'])).rejects.toMatchObject({ code: 'D0112' });
});

test('a channel that the environment names is the one that counts', async () => {
  const project = app();
  const stable = await project.workspace(['build'], { __CARGO_TEST_CHANNEL_OVERRIDE_DO_NOT_USE_THIS: 'stable' });
  expect(stable.graph.units.length).toBeGreaterThan(0);
  const { result } = await project.read(['build', '-Z', 'unstable-options'], { RUSTC_BOOTSTRAP: '1' });
  expect(result.ok).toBe(true);
});

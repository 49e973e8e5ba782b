import { realpathSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { watchedFiles } from '../../src/cargo/watched.ts';
import { run } from '../../src/sys/run.ts';
import { makeProject, manifest, packageNamed } from './project.ts';

const simple = { 'Cargo.toml': manifest('app'), 'src/main.rs': 'fn main() {}\n', 'src/lib.rs': '' };

const hostOf = async () => /^host: (.*)$/m.exec((await run('rustc', ['-vV'])).stdout.toString())?.[1] ?? '';

test('graph, places, profile and toolchain of a plain build', async () => {
  const project = makeProject(simple);
  const workspace = await project.workspace(['build']);
  expect(workspace).toMatchObject({
    root: project.root,
    lockFile: join(project.root, 'Cargo.lock'),
    targetDir: join(project.root, 'target'),
    buildDir: join(project.root, 'target'),
    profile: 'dev',
    profileDir: 'debug',
  });
  expect(workspace.graph.roots).toHaveLength(2);
  expect(packageNamed(workspace, 'app').targets.map((target) => target.kind[0])).toEqual(['lib', 'bin']);

  const { toolchain } = workspace;
  const sysroot = (await run('rustc', ['--print', 'sysroot'])).stdout.toString().trim();
  expect(toolchain.sysroot).toBe(sysroot);
  expect(realpathSync(toolchain.rustc)).toBe(realpathSync(join(sysroot, 'bin/rustc')));
  expect(toolchain.host).toBe(await hostOf());
  expect(toolchain.verboseVersion).toContain(`release: ${toolchain.release}`);
  expect(toolchain.cfgs(null)).toContain('target_os="linux"');
  expect(toolchain.fileName(null, 'lib')).toEqual({ prefix: 'lib', suffix: '.rlib' });
  expect(toolchain.fileName(null, 'bin')).toEqual({ prefix: '', suffix: '' });
  expect(toolchain.fileName(null, 'proc-macro')).toEqual({ prefix: 'lib', suffix: '.so' });
});

test.each([
  [['build', '--release'], 'release', 'release'],
  [['build', '-r'], 'release', 'release'],
  [['build', '--profile', 'test'], 'test', 'debug'],
  [['build', '--profile=bench'], 'bench', 'release'],
  [['build', '--profile', 'mine'], 'mine', 'mine'],
  [['test'], 'test', 'debug'],
  [['bench'], 'bench', 'release'],
])('%j', async (argv, profile, profileDir) => {
  const project = makeProject({ ...simple, 'Cargo.toml': manifest('app', '[profile.mine]\ninherits = "dev"\n') });
  expect(await project.workspace(argv)).toMatchObject({ profile, profileDir });
});

test('the target directory: option, variable, configuration', async () => {
  const project = makeProject(simple);
  const at = (name: string) => ({ targetDir: join(project.root, name) });
  project.write({ '.cargo/config.toml': '[build]\ntarget-dir = "configured"\n' });
  expect(await project.workspace(['build'])).toMatchObject(at('configured'));
  const environment = { CARGO_TARGET_DIR: 'variable' };
  expect(await project.workspace(['build'], environment)).toMatchObject(at('variable'));
  expect(await project.workspace(['build', '--config', 'build.target-dir="given"'])).toMatchObject(at('given'));
  expect(await project.workspace(['build', '--target-dir', 'option'], environment)).toMatchObject({
    ...at('option'),
    buildDir: join(project.root, 'option'),
  });
  project.write({ '.cargo/config.toml': '[build]\nbuild-dir = "{workspace-root}/apart"\n' });
  expect(await project.workspace(['build', '--target-dir', 'option'])).toMatchObject({
    ...at('option'),
    buildDir: join(project.root, 'apart'),
  });
});

test('flags for rustc count in cfgs, and --target frees the host of them', async () => {
  const project = makeProject(simple);
  const host = await hostOf();
  const plain = await project.workspace(['build'], { RUSTFLAGS: '--cfg mine' });
  expect(plain.toolchain.cfgs(null)).toContain('mine');
  expect(plain.config.rustflags(null)).toEqual(['--cfg', 'mine']);
  const targeted = await project.workspace(['build', '--target', host], { RUSTFLAGS: '--cfg mine' });
  expect(targeted.config.rustflags(null)).toEqual([]);
  expect(targeted.config.rustflags(host)).toEqual(['--cfg', 'mine']);
  expect(targeted.toolchain.cfgs(host)).toContain('mine');
});

test('flags by cfg that add a cfg', async () => {
  const project = makeProject(simple);
  project.write({ '.cargo/config.toml': "[target.'cfg(unix)']\nrustflags = ['--cfg', 'found']\n" });
  const workspace = await project.workspace(['build']);
  expect(workspace.config.rustflags(null)).toEqual(['--cfg', 'found']);
  expect(workspace.toolchain.cfgs(null)).toContain('found');
});

test("cargo's notices reach the user, and options that only concern execution do not disturb", async () => {
  const project = makeProject({ ...simple, 'Cargo.toml': manifest('app', 'mistake = 1\n') });
  const argv = [
    'build',
    '--message-format',
    'json',
    '--timings',
    '--future-incompat-report',
    '-j1',
    '--keep-going',
    '-vv',
  ];
  const { result, stderr } = await project.read(argv);
  expect(result.ok).toBe(true);
  expect(stderr).toContain('warning: unused manifest key: package.mistake');
});

test('as a subcommand of cargo, $CARGO is the cargo', async () => {
  const project = makeProject(simple);
  const first = await project.workspace(['build']);
  const { cargo } = first.toolchain;
  const second = await project.workspace(['drydock', 'build'], { CARGO: cargo, PATH: dirname(cargo) });
  expect(second.toolchain.cargo).toBe(cargo);
});

test('no cargo at all', async () => {
  const project = makeProject(simple);
  await expect(project.read(['build'], { PATH: '/nowhere' })).rejects.toMatchObject({ code: 'D0101' });
});

test('what a plan rests on', async () => {
  const project = makeProject({
    'Cargo.toml': `${manifest('app')}[workspace]\nmembers = ["crates/*"]\n`,
    'src/lib.rs': '',
    'src/bin/tool/main.rs': 'fn main() {}\n',
    'crates/one/Cargo.toml': manifest('one'),
    'crates/one/src/lib.rs': '',
  });
  const workspace = await project.workspace(['build']);
  const { files, directories } = watchedFiles(workspace);
  const at = (name: string) => join(project.root, name);
  expect(files).toEqual(
    expect.arrayContaining([
      at('Cargo.toml'),
      at('Cargo.lock'),
      at('crates/one/Cargo.toml'),
      at('build.rs'),
      at('.cargo/config.toml'),
      at('rust-toolchain.toml'),
      join(project.root, '../Cargo.toml'),
      workspace.toolchain.cargo,
      workspace.toolchain.rustc,
    ]),
  );
  expect(directories).toEqual(
    expect.arrayContaining([
      at('crates'),
      at('src'),
      at('src/bin'),
      at('src/bin/tool'),
      at('tests'),
      at('crates/one/src'),
    ]),
  );
});

test('a toolchain that is not there: what rustup says', async () => {
  const project = makeProject(simple);
  const { result, stderr } = await project.read(['+no-such-toolchain', 'build']);
  const plain = await project.cargo(['+no-such-toolchain', 'build']);
  expect(result).toEqual({ ok: false, failure: { exitCode: plain.code } });
  expect(stderr).toBe(plain.stderr);
});

test('a rustc that is named: by path, or the proxy by its name', async () => {
  const project = makeProject(simple);
  const { rustc } = (await project.workspace(['build'])).toolchain;
  project.write({ '.cargo/config.toml': '[build]\nrustc = "bin/own-rustc"\n', 'bin/.keep': '' });
  symlinkSync(rustc, join(project.root, 'bin/own-rustc'));
  expect((await project.workspace(['build'])).toolchain.rustc).toBe(join(project.root, 'bin/own-rustc'));
  expect((await project.workspace(['build'], { RUSTC: 'rustc' })).toolchain.rustc).toBe(rustc);
});

test('rustc is called what cargo calls it', async () => {
  const project = makeProject(simple);
  const sysroot = (await run('rustc', ['--print', 'sysroot'])).stdout.toString().trim();
  const beforeProxies = { PATH: `${join(sysroot, 'bin')}:${process.env['PATH'] ?? ''}` };
  const named = join(project.root, 'bin/rustc');
  project.write({ 'bin/mark': '' });
  symlinkSync(join(sysroot, 'bin/rustc'), named);
  for (const environment of [{}, beforeProxies, { ...beforeProxies, RUSTC: named }]) {
    project.write({ 'src/lib.rs': `// ${JSON.stringify(environment)}` });
    const { toolchain } = await project.workspace(['build'], environment);
    const { stderr } = await run('cargo', ['check', '-v', '--lib'], {
      cwd: project.root,
      env: { ...project.environment, ...environment },
    });
    expect(stderr.toString()).toContain(`\`${toolchain.rustcName} --crate-name`);
  }
});

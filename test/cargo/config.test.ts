import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { cfgMatches } from '../../src/cargo/cfg-expression.ts';
import { makeConfig } from '../../src/cargo/config.ts';
import { readConfig } from '../../src/cargo/config-files.ts';
import type { Config } from '../../src/cargo/types.ts';
import { run } from '../../src/sys/run.ts';
import { temporaryDirectory } from './project.ts';

const host = 'x86_64-unknown-linux-gnu';

interface Setting {
  readonly files: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly overrides?: readonly string[];
  readonly targetsNamed?: boolean;
}

/** Files are relative to a temporary directory: `a/b` is where cargo is started, `home` is cargo's home. */
function configOf(setting: Setting): { config: Config; top: string } {
  const top = temporaryDirectory();
  for (const [name, text] of Object.entries(setting.files)) {
    mkdirSync(dirname(join(top, name)), { recursive: true });
    writeFileSync(join(top, name), text);
  }
  mkdirSync(join(top, 'a/b'), { recursive: true });
  const environment = setting.environment ?? {};
  const place = {
    cwd: join(top, 'a/b'),
    cargoHome: join(top, 'home'),
    environment,
    overrides: setting.overrides ?? [],
  };
  const context = {
    host,
    targetsNamed: setting.targetsNamed ?? false,
    environment,
    cfgs: () => ['unix', 'target_os="linux"'],
  };
  return { config: makeConfig(readConfig(place), context), top };
}

const rustflags = (setting: Setting, platform: string | null = null) => configOf(setting).config.rustflags(platform);

test('nearer files win, lists are joined with the nearer items last, the home comes first', () => {
  const setting = {
    files: {
      'home/config.toml': '[build]\njobs = 1\nrustflags = ["-home"]\n[term]\nverbose = true\n',
      'a/.cargo/config.toml': '[build]\njobs = 2\nrustflags = ["-outer"]\n',
      'a/b/.cargo/config.toml': '[build]\njobs = 3\nrustflags = ["-inner"]\n',
    },
  };
  const { config } = configOf(setting);
  expect(config.get('build.jobs')).toBe(3);
  expect(config.get('term.verbose')).toBe(true);
  expect(config.rustflags(null)).toEqual(['-home', '-outer', '-inner']);
});

test('environment wins over files, the command line over both', () => {
  const files = { 'a/b/.cargo/config.toml': '[build]\njobs = 1\nrustflags = ["-file"]\n[term]\ncolor = "never"\n' };
  const environment = { CARGO_BUILD_JOBS: '2', CARGO_BUILD_RUSTFLAGS: '-env  -env2', CARGO_TERM_COLOR: 'always' };
  const { config } = configOf({ files, environment, overrides: ['build.jobs=3', 'build.rustflags=["-cli"]'] });
  expect(config.get('build.jobs')).toBe(3);
  expect(config.get('term.color')).toBe('always');
  expect(config.rustflags(null)).toEqual(['-file', '-env', '-env2', '-cli']);
});

test('the file without an extension wins over the one with it', () => {
  const { config } = configOf({
    files: { 'a/.cargo/config': '[build]\njobs = 1\n', 'a/.cargo/config.toml': '[build]\njobs = 2\n' },
  });
  expect(config.get('build.jobs')).toBe(1);
});

test('includes lie below the file that names them; a missing optional one is watched', () => {
  const { config, top } = configOf({
    files: {
      'a/.cargo/config.toml':
        'include = ["x.toml", { path = "y.toml", optional = true }]\n[build]\nrustflags = ["-own"]\njobs = 1\n',
      'a/.cargo/x.toml': '[build]\nrustflags = ["-included"]\njobs = 2\nincremental = true\n',
    },
  });
  expect(config.rustflags(null)).toEqual(['-included', '-own']);
  expect(config.get('build.jobs')).toBe(1);
  expect(config.get('build.incremental')).toBe(true);
  expect(config.files).toContain(join(top, 'a/.cargo/x.toml'));
  expect(config.files).toContain(join(top, 'a/.cargo/y.toml'));
  expect(config.files).toContain(join(top, 'a/b/.cargo/config.toml'));
});

test('--config takes a file as well', () => {
  const { config } = configOf({ files: { 'a/b/more.toml': '[build]\njobs = 7\n' }, overrides: ['more.toml'] });
  expect(config.get('build.jobs')).toBe(7);
});

test('rustflags come from the first source that has any', () => {
  const files = {
    'a/b/.cargo/config.toml': `[build]
rustflags = "-build"
[target.${host}]
rustflags = ["-triple"]
[target.'cfg(unix)']
rustflags = ["-unix"]
[target.'cfg(all(unix, target_os = "linux"))']
rustflags = "-linux"
[target.'cfg(windows)']
rustflags = ["-windows"]
`,
  };
  expect(rustflags({ files })).toEqual(['-triple', '-linux', '-unix']);
  expect(rustflags({ files, environment: { RUSTFLAGS: ' -a  -b ' } })).toEqual(['-a', '-b']);
  expect(rustflags({ files, environment: { RUSTFLAGS: '' } })).toEqual([]);
  const encoded = { CARGO_ENCODED_RUSTFLAGS: '-a b\x1f-c', RUSTFLAGS: '-no' };
  expect(rustflags({ files, environment: encoded })).toEqual(['-a b', '-c']);
});

test('with --target, units of the host get no flags', () => {
  const files = { 'a/b/.cargo/config.toml': '[build]\nrustflags = ["-x"]\n' };
  expect(rustflags({ files, targetsNamed: true })).toEqual([]);
  expect(rustflags({ files, targetsNamed: true }, host)).toEqual(['-x']);
});

test('programs are relative to where they are named', () => {
  const { config, top } = configOf({
    files: {
      'a/.cargo/config.toml': `[target.${host}]
linker = "tools/ld"
runner = ["./emulate", "-x"]
[target.other]
linker = "plain"
[build]
rustc-wrapper = "wrap/it"
`,
    },
    environment: { RUSTC_WORKSPACE_WRAPPER: './w' },
  });
  expect(config.linker(null)).toBe(join(top, 'a/tools/ld'));
  expect(config.linker('other')).toBe('plain');
  expect(config.linker('third')).toBeNull();
  expect(config.runner(null)).toEqual([`${top}/a/./emulate`, '-x']);
  expect(config.rustcWrapper).toBe(join(top, 'a/wrap/it'));
  expect(config.rustcWorkspaceWrapper).toBe(`${top}/a/b/./w`);
});

test('a linker by cfg, by variable, and an ambiguous one', () => {
  const cfg = { 'a/.cargo/config.toml': "[target.'cfg(unix)']\nlinker = 'one'\n" };
  expect(configOf({ files: cfg }).config.linker(null)).toBe('one');
  const environment = { CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER: 'env-ld' };
  expect(configOf({ files: cfg, environment }).config.linker(null)).toBe('env-ld');
  const both = {
    'a/.cargo/config.toml': "[target.'cfg(unix)']\nlinker='1'\n[target.'cfg(not(windows))']\nlinker='2'\n",
  };
  expect(() => configOf({ files: both }).config.linker(null)).toThrow(/D0111.*several matching instances/);
});

test('what does not parse, or is not there, is named', () => {
  const broken = { 'a/.cargo/config.toml': '[build\n' };
  expect(() => configOf({ files: broken })).toThrow(/D0110.*a\/\.cargo\/config\.toml` cannot be used: /);
  expect(() => configOf({ files: {}, overrides: ['nowhere.toml'] })).toThrow(/D0110.*nowhere\.toml/);
});

test('[env]: relative values start at the file that has them', () => {
  const { config, top } = configOf({
    files: {
      'a/.cargo/config.toml': `[env]
PLAIN = "x"
FORCED = { value = "y", force = true }
HERE = { value = "sub/dir", relative = true }
EMPTY = { value = "", relative = true }
`,
    },
  });
  expect(config.env).toEqual({
    PLAIN: { value: 'x', force: false },
    FORCED: { value: 'y', force: true },
    HERE: { value: `${top}/a/sub/dir`, force: false },
    EMPTY: { value: `${top}/a/`, force: false },
  });
});

test('a links override reads like the output of a build script', () => {
  const { config } = configOf({
    files: {
      'a/.cargo/config.toml': `[target.${host}.foo]
rustc-link-search = ["/opt/foo"]
rustc-link-lib = ["foo", "static=bar"]
rustc-cfg = ['feature="x"']
rustc-env = { A = "b" }
root = "/opt/foo"
`,
    },
  });
  expect(config.linksOverride(null, 'foo')?.output.split('\n')).toEqual([
    'cargo::metadata=root=/opt/foo',
    'cargo::rustc-cfg=feature="x"',
    'cargo::rustc-env=A=b',
    'cargo::rustc-link-lib=foo',
    'cargo::rustc-link-lib=static=bar',
    'cargo::rustc-link-search=/opt/foo',
    '',
  ]);
  expect(config.linksOverride(null, 'bar')).toBeNull();
  expect(config.linksOverride(null, 'linker')).toBeNull();
});

test.each([
  ['cfg(unix)', true],
  ['cfg(windows)', false],
  ['cfg(not(windows))', true],
  ['cfg(all())', true],
  ['cfg(any())', false],
  ['cfg(any(windows, target_os = "linux",))', true],
  ['cfg(all(unix, not(target_os = "linux")))', false],
  ['cfg(true)', true],
  ['cfg(unix', false],
  ['cfg(all(unix windows))', false],
  ['unix', false],
])('%s', (key, expected) => {
  expect(cfgMatches(key, ['unix', 'target_os="linux"'])).toBe(expected);
});

test('keys have the values that cargo gives them', async () => {
  const files = {
    'home/config.toml': '[build]\nrustflags = ["-home"]\n[http]\ntimeout = 9\n',
    'a/.cargo/config.toml': 'include = ["x.toml"]\n[build]\nrustflags = ["-outer"]\n',
    'a/.cargo/x.toml': '[build]\nrustflags = ["-included"]\n[http]\ntimeout = 8\n[net]\nretry = 3\n',
    'a/b/.cargo/config.toml': '[build]\nrustflags = ["-inner"]\n',
  };
  const overrides = ['build.rustflags=["-cli"]'];
  const { config, top } = configOf({ files, overrides });
  const printed = await run(
    'cargo',
    ['config', 'get', '--format', 'json', '-Zunstable-options', `--config=${overrides[0]}`],
    {
      cwd: join(top, 'a/b'),
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: process.env['HOME'] ?? '/',
        CARGO_HOME: join(top, 'home'),
        RUSTC_BOOTSTRAP: '1',
      },
    },
  );
  const cargo = JSON.parse(printed.stdout.toString()) as Record<string, unknown>;
  for (const key of ['build', 'http', 'net']) expect(config.get(key)).toEqual(cargo[key]);
});

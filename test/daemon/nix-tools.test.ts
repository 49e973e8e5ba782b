/** A caller whose rustc, cc and shell tools lie in the machine's Nix store, as in nix-shell: an ordinary user. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installInto } from '../installation.ts';
import { type TestDaemon, startDaemon } from './daemon.ts';

const ordinary = 54_321;
/** What the compiler of the store adds to every link. */
const buildId = 'c0ffee00c0ffee00';
let daemon: TestDaemon;
const closing: (() => Promise<void>)[] = [];
let directory: string;
let command: string;
/** In the store, by name. */
let tools: Readonly<Record<'sysroot' | 'rustc' | 'driver' | 'cc' | 'shell', string>>;

beforeAll(async () => {
  daemon = await startDaemon(['store = local']);
  directory = mkdtempSync(path.join(os.tmpdir(), 'drydock-nix-tools-'));
  chmodSync(directory, 0o755);
  command = installInto(path.join(directory, 'program'));
  const sysroot = nix('nix-store', '--add', partOfSysroot());
  const rustc = script('rustc', sysroot, `exec ${sysroot}/bin/rustc "$@"`);
  const driver = script('driver', '', 'exec /usr/bin/cc "$@"');
  const cc = script('cc', driver, `exec ${driver}/bin/driver "$@" -Wl,--build-id=0x${buildId}`);
  const names = 'env cp ln mkdir rm chmod cat tail tar gzip';
  const scripts = 'gcc clang ld ld.lld as ar sh';
  const shell = built(
    'shell',
    '',
    `for name in ${names}; do cp /usr/bin/$name $out/bin/; done
    for name in ${scripts}; do printf '#!/bin/sh\\nexec /usr/bin/%s "$@"\\n' $name >$out/bin/$name; done
    chmod +x $out/bin/*`,
  );
  tools = { sysroot, rustc, driver, cc, shell };
}, 300_000);

afterAll(async () => {
  const users = nix('nix-store', '--query', '--referrers-closure', ...Object.values(tools)).split('\n');
  const { sysroot: _, ...others } = tools;
  const makers = nix('nix-store', '--query', '--deriver', ...Object.values(others)).split('\n');
  const drvs = users.filter((each) => each.endsWith('.drv'));
  const around = ['--outputs', '--references'].flatMap((of) => nix('nix-store', '--query', of, ...drvs).split('\n'));
  const own = around.filter((each) => each.includes('-hello-1.0.0-') && existsSync(each));
  for (const close of closing) await close();
  await daemon.remove();
  rmSync(directory, { recursive: true, force: true });
  const words = ['--delete', '--ignore-liveness', ...new Set([...users, ...makers, ...own])];
  const { status, stderr } = spawnSync('nix-store', words, {
    env: { PATH: process.env['PATH'], HOME: '/' },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
});

function nix(program: string, ...args: readonly string[]): string {
  const NIX_REMOTE = `unix://${path.join(daemon.directory, 'socket')}`;
  const env = { PATH: process.env['PATH'], HOME: directory, NIX_REMOTE };
  const ended = spawnSync(program, args, { env, encoding: 'utf8' });
  if (ended.status !== 0) throw new Error(`${program} ${args.join(' ')}\n${ended.stderr}`);
  return ended.stdout.trim();
}

/** A directory with `bin`, made by a derivation that has `input` among its inputs. */
function built(name: string, input: string, text: string): string {
  const expression = `derivation {
    name = "drydock-test-${name}"; system = builtins.currentSystem; builder = "/bin/sh";
    input = ${input === '' ? '""' : `builtins.storePath ${input}`};
    args = [ "-ec" (builtins.readFile ${path.join(directory, `${name}.sh`)}) ];
  }`;
  writeFileSync(path.join(directory, `${name}.sh`), `PATH=/usr/bin:/bin; mkdir -p $out/bin; ${text}\n`);
  return nix('nix-build', '--no-out-link', '-E', expression);
}

function script(name: string, input: string, text: string): string {
  return built(name, input, `printf '#!/bin/sh\\n%s\\n' '${text}' >$out/bin/${name}; chmod +x $out/bin/${name}`);
}

/** The machine's toolchain without documentation, as a directory of its own. */
function partOfSysroot(): string {
  const from = spawnSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8' }).stdout.trim();
  const to = path.join(directory, 'drydock-test-sysroot');
  const outside = /^(share|etc|libexec|lib\/rustlib\/(src|etc))$/;
  cpSync(from, to, { recursive: true, filter: (file) => !outside.test(path.relative(from, file)) });
  return to;
}

/** A binary whose build script says where it found `tail`, and what else of the store it saw. */
function project(name: string): string {
  const root = path.join(directory, name);
  const files = {
    'Cargo.toml': '[package]\nname = "hello"\nversion = "1.0.0"\nedition = "2021"\n',
    'build.rs': `fn main() {
      let path = std::env::var("PATH").unwrap();
      let tail = path.split(':').find(|each| std::path::Path::new(each).join("tail").exists()).unwrap();
      let mut seen: Vec<_> = std::fs::read_dir("/nix/store").unwrap().map(|each| each.unwrap().file_name()).collect();
      seen.sort();
      println!("cargo:rerun-if-changed=build.rs");
      println!("cargo:rustc-env=TAIL={tail}");
      println!("cargo:rustc-env=SEEN={}", seen.join(std::ffi::OsStr::new(" ")).to_str().unwrap());
    }\n`,
    'src/main.rs': 'fn main() { println!("{}\\n{}", env!("TAIL"), env!("SEEN")); }\n',
  };
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    writeFileSync(path.join(root, file), text);
  }
  spawnSync('chown', ['-R', `${ordinary}:${ordinary}`, root]);
  return root;
}

function run(root: string, program: string, args: readonly string[], variables: Readonly<Record<string, string>> = {}) {
  const home = path.join(directory, 'home');
  mkdirSync(home, { recursive: true });
  chownSync(home, ordinary, ordinary);
  const { sysroot, rustc, cc, shell } = tools;
  const bins = [rustc, sysroot, cc, shell].map((each) => `${each}/bin`);
  const socket = path.join(daemon.directory, 'socket');
  const env = {
    HOME: home,
    PATH: [...bins, '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
    NIX_DAEMON_SOCKET_PATH: socket,
    NIX_REMOTE: `unix://${socket}`,
    ...variables,
  };
  const words = [`--reuid=${ordinary}`, `--regid=${ordinary}`, '--clear-groups', program, ...args];
  const ended = spawnSync('/usr/bin/setpriv', words, { cwd: root, env, encoding: 'utf8', maxBuffer: 1 << 26 });
  return { code: ended.status, stdout: ended.stdout, stderr: ended.stderr };
}

function drydock(root: string, args: readonly string[], variables: Readonly<Record<string, string>> = {}) {
  return run(root, process.execPath, [command, ...args], variables);
}

for (const engine of ['nix', 'embedded'] as const) {
  test(`their closures are the inputs: ${engine}`, () => {
    const root = project(engine);
    const ended = drydock(root, ['build', '--pure', '--engine', engine]);
    expect(ended.code, ended.stderr).toBe(0);
    const [tail, seen = ''] = run(root, 'target/debug/hello', []).stdout.split('\n');
    expect(tail).toBe(`${tools.shell}/bin`);
    const names = seen.split(' ').map((name) => `/nix/store/${name}`);
    expect(names).toEqual(expect.arrayContaining(Object.values(tools)));
    if (engine === 'embedded') {
      const others = names.filter((name) => !Object.values(tools).includes(name));
      expect(others.map((name) => name.replace(/^\/nix\/store\/[^-]*-|-[0-9a-f]{16}$/g, '')).sort()).toEqual([
        'hello-1.0.0-script_build',
        'hello-1.0.0-script_build_run',
        'hello-1.0.0-source',
        'run.sh',
      ]);
    }
    expect(run(root, '/usr/bin/readelf', ['-n', 'target/debug/hello']).stdout).toContain(buildId);
  });
}

test('a store that does not have them: the error names all, and how to copy them', async () => {
  const root = project('elsewhere');
  const other = await startDaemon();
  closing.push(() => other.remove());
  const build = () => drydock(root, ['build', '--pure', '--engine', 'nix'], { NIX_REMOTE: other.remote });
  const ended = build();
  expect(ended.code).toBe(101);
  expect(ended.stderr).toContain('D0612');
  const [, words = ''] = /`nix copy --to STORE ([^`]*)`/.exec(ended.stderr) ?? [];
  // What these refer to is copied with them.
  const { driver: _, ...named } = tools;
  expect(words.split(' ').sort()).toEqual(Object.values(named).sort());
  const copy = ['--extra-experimental-features', 'nix-command', 'copy', '--no-check-sigs'];
  nix('nix', ...copy, '--to', `local?root=${other.address.root}`, ...words.split(' '));
  const again = build();
  expect(again.code, again.stderr).toBe(0);
  expect(run(root, 'target/debug/hello', []).stdout.split('\n')[0]).toBe(`${tools.shell}/bin`);
});

test('an export names them by their store paths', () => {
  const root = project('exported');
  const plan = JSON.parse(drydock(root, ['plan', '--json', '--pure']).stdout) as { drvPath: string }[];
  expect(drydock(root, ['export', 'nix']).stderr).not.toContain('must be in the Nix store');
  const instantiated = nix('nix-instantiate', path.join(root, 'nix/default.nix')).split('\n');
  expect(instantiated.sort()).toEqual(plan.map(({ drvPath }) => drvPath).sort());
});

test('where Nix cannot be asked, the toolchain is copied by its contents, and doctor says so', () => {
  const root = project('unasked');
  const here = path.join(directory, 'bin');
  mkdirSync(here);
  for (const name of ['cc', 'bwrap']) symlinkSync(`/usr/bin/${name}`, path.join(here, name));
  const PATH = [`${tools.rustc}/bin`, `${tools.sysroot}/bin`, here].join(':');
  const plan = JSON.parse(drydock(root, ['plan', '--json', '--pure'], { PATH }).stdout) as { drvPath: string }[];
  expect(plan).toHaveLength(3);
  expect(plan.map(({ drvPath }) => existsSync(drvPath))).toEqual([false, false, false]);
  expect(drydock(root, ['doctor'], { PATH }).stdout).toContain('rustc lies in the Nix store, but');
  expect(drydock(root, ['doctor']).stdout).toContain('rustc and cc of the Nix store: inputs with their closures');
});

test('nothing of them is copied, the host counts for nothing, and both engines plan alike', () => {
  const root = project('planned');
  const plan = JSON.parse(drydock(root, ['plan', '--json', '--pure']).stdout) as { drvPath: string }[];
  expect(plan).toHaveLength(3);
  const { sysroot, rustc, cc, shell } = tools;
  for (const { drvPath } of plan) {
    const text = readFileSync(drvPath, 'utf8');
    for (const tool of [sysroot, rustc, cc, shell]) expect(text).toContain(`"${tool}"`);
    expect(text).not.toMatch(/-rust-1\.|"hostTools","."/);
    expect(text).toContain(
      `("path","${[rustc, sysroot, cc, shell, '/usr/local'].map((each) => `${each}/bin`).join(':')}`,
    );
  }
});

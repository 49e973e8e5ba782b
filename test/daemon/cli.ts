/** `drydock build --engine nix` as an ordinary user with a 0700 home whom the daemon does not trust. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import * as path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sha256 } from '../../src/nix/hash.ts';
import { installInto } from '../installation.ts';
import { type Launch, type TestDaemon, startDaemon } from './daemon.ts';

export function cliSuite(launch: Launch): void {
  const ordinary = 54_321;
  let daemon: TestDaemon;
  let command: string;
  let home: string;
  let project: string;

  beforeAll(async () => {
    daemon = await startDaemon([], launch);
    home = path.join(daemon.directory, 'home');
    command = installInto(path.join(daemon.directory, 'program'));
    project = path.join(home, 'project');
    write('Cargo.toml', manifest('hello', '[dependencies]\ndep = "1"\nlocal = { path = "local" }\n'));
    write(
      'build.rs',
      `fn main() {
      // Says where it has looked for a repository, which is kept with the output.
      std::process::Command::new("git").arg("status").status().unwrap();
      println!("cargo:rerun-if-changed=build.rs");
      println!("cargo:rustc-env=FROM=script");
    }\n`,
    );
    write('src/main.rs', 'fn main() { println!("{} {} {}", env!("FROM"), dep::answer(), local::word()); }\n');
    write('local/Cargo.toml', manifest('local'));
    write('local/src/lib.rs', 'pub fn word() -> &\'static str { "first" }\n');
    const dep = { 'Cargo.toml': manifest('dep'), 'src/lib.rs': 'pub fn answer() -> u32 { 42 }\n' };
    for (const [name, text] of Object.entries(dep)) write(`vendor/dep/${name}`, text);
    const files = Object.fromEntries(Object.entries(dep).map(([name, text]) => [name, sha256(text)]));
    write('vendor/dep/.cargo-checksum.json', JSON.stringify({ files }));
    write(
      '.cargo/config.toml',
      '[source.crates-io]\nreplace-with = "vendored"\n[source.vendored]\ndirectory = "vendor"\n',
    );
    mkdirSync(path.join(home, 'rust'));
    chmodSync(home, 0o700);
    own(home);
  });
  afterAll(() => daemon.remove());

  function manifest(name: string, rest = ''): string {
    return `[package]\nname = "${name}"\nversion = "1.0.0"\nedition = "2021"\n${rest}`;
  }

  function write(name: string, text: string): void {
    const file = path.join(project, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    own(file);
  }

  function own(place: string): void {
    chownSync(place, ordinary, ordinary);
    if (!statSync(place).isDirectory()) return;
    for (const name of readdirSync(place, { withFileTypes: true })) {
      const inner = path.join(place, name.name);
      if (name.isDirectory()) own(inner);
      else chownSync(inner, ordinary, ordinary);
    }
  }

  /** Runs a program as the user; the machine's toolchain, which may lie in root's home, is shown in theirs. */
  function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const rust = path.join(home, 'rust');
    const script = `mount --bind "$1" "$2"; shift 2; exec setpriv --reuid=${ordinary} --regid=${ordinary} --clear-groups env -i "$@"`;
    const variables = {
      HOME: home,
      PATH: `${rust}/bin:/usr/local/bin:/usr/bin:/bin`,
      NIX_REMOTE: daemon.remote,
      ...env,
    };
    const assignments = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    const words = ['-m', 'sh', '-ec', script, 'sh', sysroot(), rust, ...assignments, program, ...args];
    const ended = spawnSync('unshare', words, { cwd: project, encoding: 'utf8', maxBuffer: 1 << 26 });
    return { code: ended.status, stdout: ended.stdout, stderr: ended.stderr };
  }

  function sysroot(): string {
    return spawnSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8' }).stdout.trim();
  }

  function drydock(...args: readonly string[]) {
    return run(process.execPath, [command, 'build', ...args]);
  }

  /** As `drydock`; a failure shows what was printed. */
  function succeeding(...args: readonly string[]) {
    const ended = drydock(...args);
    if (ended.code !== 0) throw new Error(`drydock build ${args.join(' ')}\n${ended.stderr}`);
    return ended;
  }

  /** Names of the packages that a build has compiled. */
  function compiled(stderr: string): string[] {
    return [...stderr.matchAll(/Compiling (\S+)/g)].map((match) => match[1] ?? '').toSorted((a, b) => (a < b ? -1 : 1));
  }

  function hello(): string {
    return run('target/debug/hello', []).stdout;
  }

  test('a package with a build script and dependencies is built, edited and built again', () => {
    const first = succeeding('--engine', 'nix');
    expect(compiled(first.stderr)).toEqual(['dep', 'hello', 'local']);
    expect(first.stderr.split('builds without incremental state').length, first.stderr).toBe(2);
    expect(hello()).toBe('script 42 first\n');
    const why = /`local` \(lib\): built because .*\n  without incremental state: it has asked no hook/;
    expect(run(process.execPath, [command, 'explain', '--engine', 'nix']).stdout).toMatch(why);
    expect(run(process.execPath, [command, 'doctor']).stdout).toContain(
      'had no cache mount: the daemon has asked no hook',
    );

    const nothing = succeeding('--engine', 'nix');
    expect(compiled(nothing.stderr)).toEqual([]);

    write('local/src/lib.rs', 'pub fn word() -> &\'static str { "second" }\n');
    const edited = succeeding('--engine', 'nix');
    expect(compiled(edited.stderr)).toEqual(['hello', 'local']);
    expect(hello()).toBe('script 42 second\n');

    write('local/src/lib.rs', 'pub fn word() -> u8 { "third" }\n');
    const broken = drydock('--engine', 'nix');
    expect(broken.code).toBe(101);
    expect(broken.stderr).toContain('error[E0308]');
    write('local/src/lib.rs', 'pub fn word() -> &\'static str { "second" }\n');
  });

  test('what a script leaves in OUT_DIR that target/ cannot show is named, and the build has failed', () => {
    const before = readFileSync(path.join(project, 'build.rs'), 'utf8');
    const leaving = (text: string) => {
      write(
        'build.rs',
        `fn main() {
        use std::os::unix::{ffi::OsStrExt, net::UnixListener};
        let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
        let odd = std::ffi::OsStr::from_bytes(b"a\\xff");
        println!("cargo:rerun-if-changed=build.rs");
        ${text}
      }\n`,
      );
      const { code, stderr } = drydock('--engine', 'nix');
      return [code, /error\[.*/.exec(stderr)?.[0]];
    };
    const said = (words: string) => [101, `error[D0506]: what was made cannot be used: ${words}`];
    const named = 'std::fs::create_dir(out.join("d")).unwrap(); std::fs::write(out.join("d").join(odd), "").unwrap();';
    expect(leaving(named)).toEqual(said('out/d/a\ufffd has a name that is not UTF-8'));
    const linked = 'std::os::unix::fs::symlink(odd, out.join("b")).unwrap();';
    expect(leaving(linked)).toEqual(said('out/b is a symlink to a name that is not UTF-8'));
    const kept = 'error[D0506]: what was made cannot be kept in the store:';
    const bound = 'UnixListener::bind(out.join("s")).unwrap();';
    expect(leaving(bound)).toEqual([101, `${kept} out/s is neither a file nor a directory nor a symlink`]);
    write('build.rs', before);
    succeeding('--engine', 'nix');
  });

  test('the engine is the one of the option, the variable, the configuration', () => {
    const roots = path.join(project, 'target/debug/.drydock/nix-roots');
    const file = path.join(project, '.cargo/config.toml');
    const configuration = readFileSync(file, 'utf8');
    const chosen = (words: readonly string[], env: Readonly<Record<string, string>> = {}) => {
      rmSync(path.join(project, 'target'), { recursive: true, force: true });
      const ended = run(process.execPath, [command, 'build', ...words], env);
      return { code: ended.code, said: ended.stderr, nix: lstatSync(roots, { throwIfNoEntry: false }) !== undefined };
    };
    expect(chosen(['--engine', 'other']).said).toContain('D0611');
    expect(chosen([], { DRYDOCK_ENGINE: 'other' }).said).toContain('D0611');
    expect(chosen([], { DRYDOCK_ENGINE: 'nix' })).toMatchObject({ code: 0, nix: true });
    writeFileSync(file, `${configuration}[drydock]\nengine = "nix"\n`);
    expect(chosen([])).toMatchObject({ code: 0, nix: true });
    expect(chosen([], { DRYDOCK_ENGINE: 'embedded' })).toMatchObject({ code: 0, nix: false });
    expect(chosen(['--engine', 'nix'], { DRYDOCK_ENGINE: 'embedded' })).toMatchObject({ code: 0, nix: true });
    writeFileSync(file, configuration);
  });

  test('libraries in target/ are links into the store, the executable is a file of its own', () => {
    succeeding('--engine', 'nix');
    const deps = path.join(project, 'target/debug/deps');
    const library = readdirSync(deps).find((name) => /^liblocal-.*\.rlib$/.test(name)) ?? '';
    expect(readlinkSync(path.join(deps, library)).startsWith(`${daemon.address.root}/nix/store/`)).toBe(true);
    const executable = lstatSync(path.join(project, 'target/debug/hello'));
    expect(executable.isFile()).toBe(true);
    expect(executable.uid).toBe(ordinary);
  });

  test('the tools of Nix work on what was built', () => {
    succeeding('--engine', 'nix');
    const deps = path.join(project, 'target/debug/deps');
    const library = readdirSync(deps).find((name) => /^liblocal-.*\.rlib$/.test(name)) ?? '';
    const output = path.dirname(readlinkSync(path.join(deps, library)).slice(daemon.address.root.length));
    expect(daemon.nix('nix', 'path-info', output).trim()).toBe(output);
    const deriver = daemon.nix('nix-store', '--query', '--deriver', output).trim();
    expect(path.basename(deriver)).toMatch(/^\w{32}-local-1\.0\.0-\w{16}\.drv$/);
    expect(daemon.nix('nix-store', '--query', '--tree', deriver)).toContain('-local-1.0.0-source');
    expect(daemon.nix('nix', 'log', deriver)).toContain('@drydock running');
  });

  test('what target/ shows is not collected; after cargo clean it is', () => {
    succeeding('--engine', 'nix');
    const library = readdirSync(path.join(project, 'target/debug/deps')).find((name) => name.startsWith('libdep-'));
    const root = daemon.address.root;
    const outputs = rootsTexts().flatMap((text) =>
      [...readFileSync(`${root}${text}`, 'utf8').matchAll(/^\/nix\/store\/\S+/gm)].map(([one]) => one),
    );
    expect(library).toBeDefined();
    expect(outputs.length).toBe(5);
    daemon.nix('nix-collect-garbage');
    expect(daemon.nix('nix-store', '--check-validity', ...outputs)).toBe('');
    expect(compiled(succeeding('--engine', 'nix', '-v').stderr)).toEqual([]);
    expect(run('cargo', ['clean']).code).toBe(0);
    expect(existsSync(path.join(project, 'target'))).toBe(false);
    daemon.nix('nix-collect-garbage');
    expect(() => daemon.nix('nix-store', '--check-validity', ...outputs)).toThrow(/is not valid/);
    expect(compiled(succeeding('--engine', 'nix').stderr)).toEqual(['dep', 'hello', 'local']);
  });

  function rootsTexts(): string[] {
    return ['nix-roots', 'nix-roots-dev'].map((name) =>
      readlinkSync(path.join(project, 'target/debug/.drydock', name)),
    );
  }

  test('both engines make the same derivations, and the same contents of all that is pure', () => {
    const store = path.join(home, 'embedded');
    succeeding('--pure', '--store', store);
    rmSync(path.join(project, 'target'), { recursive: true });
    succeeding('--pure', '--engine', 'nix');
    const records = recordsOf(path.join(store, 'nix/var/drydock')).filter(({ deriver }) => deriver !== null);
    expect(records.length).toBe(5);
    for (const { path: output, narHash, deriver } of records) {
      expect(daemon.nix('nix-store', '-q', '--deriver', output).trim()).toBe(deriver);
      const hash = daemon.nix('nix-store', '-q', '--hash', output).trim();
      expect(daemon.nix('nix-hash', '--type', 'sha256', '--to-base16', hash.replace('sha256:', '')).trim()).toBe(
        narHash,
      );
    }
  });

  interface StoreRecord {
    readonly path: string;
    readonly narHash: string | null;
    readonly deriver: string | null;
  }

  function recordsOf(directory: string): StoreRecord[] {
    return readdirSync(directory, { recursive: true, encoding: 'utf8', withFileTypes: true }).flatMap((entry) => {
      if (!entry.isFile()) return [];
      try {
        const record = JSON.parse(
          readFileSync(path.join(entry.parentPath, entry.name), 'utf8'),
        ) as Partial<StoreRecord>;
        return typeof record.narHash === 'string' && record.path !== undefined ? [record as StoreRecord] : [];
      } catch {
        return [];
      }
    });
  }
}

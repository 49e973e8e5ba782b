/** A caller whose rustc, cc and shell tools lie in the machine's Nix store, as in nix-shell: an ordinary user. */
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import * as path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Launch, startDaemon } from './daemon.ts';
import { buildId, openStoreTools, type StoreTools } from './store-tools.ts';

export function nixToolsSuite(launch: Launch): void {
  let store: StoreTools;

  beforeAll(async () => {
    store = await openStoreTools(launch);
  }, 300_000);

  const closing: (() => Promise<void>)[] = [];

  afterAll(async () => {
    for (const close of closing) await close();
    await store.remove(['hello']);
  });

  /** A binary whose build script says where it found `tail`, and what else of the store it saw. */
  function project(name: string): string {
    return store.project(name, {
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
    });
  }

  for (const engine of ['nix', 'embedded'] as const) {
    test(`their closures are the inputs: ${engine}`, () => {
      const root = project(engine);
      const ended = store.drydock(root, ['build', '--pure', '--engine', engine]);
      expect(ended.code, ended.stderr).toBe(0);
      const [tail, seen = ''] = store.run(root, 'target/debug/hello', []).stdout.split('\n');
      expect(tail).toBe(`${store.tools.shell}/bin`);
      const names = seen.split(' ').map((name) => `/nix/store/${name}`);
      expect(names).toEqual(expect.arrayContaining(Object.values(store.tools)));
      if (engine === 'embedded') {
        const others = names.filter((name) => !Object.values(store.tools).includes(name));
        expect(others.map((name) => name.replace(/^\/nix\/store\/[^-]*-|-[0-9a-f]{16}$/g, '')).sort()).toEqual([
          'hello-1.0.0-script_build',
          'hello-1.0.0-script_build_run',
          'hello-1.0.0-source',
          'run.sh',
        ]);
      }
      expect(store.run(root, '/usr/bin/readelf', ['-n', 'target/debug/hello']).stdout).toContain(buildId);
    });
  }

  test('a store that does not have them: the error names all, and how to copy them', async () => {
    const root = project('elsewhere');
    const other = await startDaemon([], launch);
    closing.push(() => other.remove());
    const build = () => store.drydock(root, ['build', '--pure', '--engine', 'nix'], { NIX_REMOTE: other.remote });
    const ended = build();
    expect(ended.code).toBe(101);
    expect(ended.stderr).toContain('D0612');
    const [, words = ''] = /`nix copy --to STORE ([^`]*)`/.exec(ended.stderr) ?? [];
    // What these refer to is copied with them.
    const { driver: _, ...named } = store.tools;
    expect(words.split(' ').sort()).toEqual(Object.values(named).sort());
    const copy = ['--extra-experimental-features', 'nix-command', 'copy', '--no-check-sigs'];
    store.nix('nix', ...copy, '--to', `local?root=${other.address.root}`, ...words.split(' '));
    const again = build();
    expect(again.code, again.stderr).toBe(0);
    expect(store.run(root, 'target/debug/hello', []).stdout.split('\n')[0]).toBe(`${store.tools.shell}/bin`);
  });

  test('an export names them by their store paths', () => {
    const root = project('exported');
    const plan = store.planned(root);
    expect(store.drydock(root, ['export', 'nix']).stderr).not.toContain('must be in the Nix store');
    const instantiated = store.nix('nix-instantiate', path.join(root, 'nix/default.nix')).split('\n');
    expect(instantiated.sort()).toEqual([...plan].sort());
  });

  test('where Nix cannot be asked, the toolchain is copied by its contents, and doctor says so', () => {
    const root = project('unasked');
    const here = path.join(store.directory, 'bin');
    mkdirSync(here);
    for (const name of ['cc', 'bwrap']) symlinkSync(`/usr/bin/${name}`, path.join(here, name));
    const PATH = [`${store.tools.rustc}/bin`, `${store.tools.sysroot}/bin`, here].join(':');
    const plan = store.planned(root, { PATH });
    expect(plan).toHaveLength(3);
    expect(plan.map((each) => existsSync(each))).toEqual([false, false, false]);
    expect(store.drydock(root, ['doctor'], { PATH }).stdout).toContain('rustc lies in the Nix store, but');
    expect(store.drydock(root, ['doctor']).stdout).toContain(
      'rustc and cc of the Nix store: inputs with their closures',
    );
  });

  test('nothing of them is copied, the host counts for nothing, and both engines plan alike', () => {
    const root = project('planned');
    const plan = store.planned(root);
    expect(plan).toHaveLength(3);
    const { sysroot, rustc, cc, shell } = store.tools;
    for (const drvPath of plan) {
      const text = readFileSync(drvPath, 'utf8');
      for (const tool of [sysroot, rustc, cc, shell]) expect(text).toContain(`"${tool}"`);
      expect(text).not.toMatch(/-rust-1\.|"hostTools","."/);
      expect(text).toContain(
        `("path","${[rustc, sysroot, cc, shell, '/usr/local'].map((each) => `${each}/bin`).join(':')}`,
      );
    }
  });
}

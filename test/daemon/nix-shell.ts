/** A developer in a shell of Nix: libraries and programs of the store, which variables tell of. Compared with cargo. */
import { existsSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Launch } from './daemon.ts';
import { openStoreTools, type StoreTools } from './store-tools.ts';

type Variables = Readonly<Record<string, string>>;

export function nixShellSuite(launch: Launch): void {
  let store: StoreTools;
  /** In the store: a library in two versions, what finds it, a program, and data. */
  let made: Readonly<Record<'answer' | 'other' | 'pkgConfig' | 'teller' | 'data', string>>;

  beforeAll(async () => {
    store = await openStoreTools(launch);
    const data = store.built('data', [], 'echo 23 >$out');
    made = {
      answer: library('answer', 42),
      other: library('other', 43),
      // As in nixpkgs: the shell's search path counts where the shell says that it is for this program.
      pkgConfig: store.script(
        'pkg-config',
        [],
        '[ -n "${NIX_PKG_CONFIG_WRAPPER_TARGET_HOST_here-}" ] || unset PKG_CONFIG_PATH\nexec /usr/bin/pkgconf "$@"',
      ),
      teller: store.script('teller', [data], `while read -r line; do echo "$line"; done <${data}`),
      data,
    };
  }, 300_000);

  afterAll(() => store.remove(['asks', 'links', 'hidden', 'wrapped', 'inner', 'pure']));

  function library(name: string, number: number): string {
    return store.built(
      name,
      [],
      `mkdir -p $out/lib/pkgconfig $out/include; cd /build 2>/dev/null || cd "$NIX_BUILD_TOP"
    echo '#define ANSWER ${number}' >$out/include/answer.h
    echo 'int answer(void) { return ${number}; }' >answer.c
    cc -fPIC -c answer.c -o answer.o; ar rcs $out/lib/libanswer.a answer.o; cc -shared answer.o -o $out/lib/libanswer.so
    printf 'Name: answer\\nDescription: .\\nVersion: 1\\nLibs: -L%s/lib -lanswer\\n' $out >$out/lib/pkgconfig/answer.pc`,
    );
  }

  /** The variables of a shell with this library; `hash`: of its own derivation's output; `own`: where it says that this is. */
  function shellWith(
    answer: string,
    hash = '00000000000000000000000000000000',
    own = `/nix/store/${hash}-shell`,
  ): Variables {
    return {
      PATH: [...store.bins, `${made.pkgConfig}/bin`, `${made.teller}/bin`, ...store.hostBins].join(':'),
      out: own,
      CC: 'cc',
      PKG_CONFIG: 'pkg-config',
      PKG_CONFIG_PATH: `${answer}/lib/pkgconfig`,
      NIX_PKG_CONFIG_WRAPPER_TARGET_HOST_here: '1',
      NIX_CC_WRAPPER_TARGET_HOST_here: '1',
      NIX_CFLAGS_COMPILE: ` -frandom-seed=${hash.slice(0, 10)} -isystem ${answer}/include`,
      NIX_LDFLAGS: `-rpath ${own}/lib -L${answer}/lib -rpath ${answer}/lib`,
    };
  }

  const manifest = (name: string, more = '') =>
    `[package]\nname = "${name}"\nversion = "1.0.0"\nedition = "2021"\n${more}`;

  const main = `extern "C" { fn answer() -> i32; }
fn main() { println!("{}", unsafe { answer() }); }
`;

  /** Its script asks pkg-config. */
  const asks = {
    'Cargo.toml': manifest('asks', '[dependencies]\npure = { path = "pure" }\n'),
    'pure/Cargo.toml': manifest('pure'),
    'pure/src/lib.rs': 'pub fn nothing() {}\n',
    'build.rs': `fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=PKG_CONFIG_PATH");
    let told = std::process::Command::new("pkg-config").args(["--libs", "answer"]).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    for word in String::from_utf8(told.stdout).unwrap().split_whitespace() {
      if let Some(directory) = word.strip_prefix("-L") { println!("cargo:rustc-link-search=native={directory}"); }
      if let Some(name) = word.strip_prefix("-l") { println!("cargo:rustc-link-lib={name}"); }
    }
  }\n`,
    'src/main.rs': main,
  };

  /** Nothing but the flags of the shell says where the library is; also its script loads it when it runs. */
  const links = {
    'Cargo.toml': manifest('links'),
    'build.rs': `#[link(name = "answer")] extern "C" { fn answer() -> i32; }
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-env=TOLD={}", unsafe { answer() });
  }\n`,
    'src/main.rs': `#[link(name = "answer")] extern "C" { fn answer() -> i32; }
fn main() { println!("{} {}", unsafe { answer() }, env!("TOLD")); }\n`,
  };

  /**
   * What its script wants is found out by nothing but a failure: programs and variables whose names are put together, in the
   * script and in a crate that it is linked with, which wants the library itself.
   */
  const hidden = {
    'Cargo.toml': manifest('hidden', '[build-dependencies]\ninner = { path = "inner" }\n'),
    'inner/Cargo.toml': manifest('inner'),
    'inner/src/lib.rs': `#[link(name = "answer")] extern "C" { fn answer() -> i32; }
pub fn told() -> String {
  let program = ["tel", "ler"].concat();
  let told = std::process::Command::new(program).output().unwrap();
  let file = std::env::var(["THE", "DATA"].join("_")).unwrap();
  format!("{} {} {}", String::from_utf8(told.stdout).unwrap().trim(), std::fs::read_to_string(file).unwrap().trim(), unsafe { answer() })
}\n`,
    'build.rs': `fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-env=TOLD={}", inner::told());
  }\n`,
    'src/main.rs': 'fn main() { println!("{}", env!("TOLD")); }\n',
  };

  function cargo(root: string, variables: Variables): string {
    const ended = store.run(root, 'cargo', ['build', '--offline'], { CARGO_TARGET_DIR: 'by-cargo', ...variables });
    expect(ended.code, ended.stderr).toBe(0);
    return store.run(root, `by-cargo/debug/${path.basename(root).replace(/-.*/, '')}`, []).stdout;
  }

  function drydock(root: string, engine: string, variables: Variables, ...args: readonly string[]): string {
    const ended = store.drydock(root, ['build', '--engine', engine, ...args], variables);
    expect(ended.code, ended.stderr).toBe(0);
    return store.run(root, `target/debug/${path.basename(root).replace(/-.*/, '')}`, []).stdout;
  }

  for (const [engine, lane] of [
    ['nix', []],
    ['embedded', []],
    ['nix', ['--pure']],
    ['embedded', ['--pure']],
  ] as const) {
    test(`the same program as cargo's: ${engine} ${lane.join('')}`, () => {
      const shell = shellWith(made.answer);
      for (const [name, files, variables] of [
        ['asks', asks, shell],
        ['links', links, shell],
        ['hidden', hidden, { ...shell, THE_DATA: made.data }],
      ] as const) {
        const root = store.project(`${name}-${engine}${lane.join('')}`, files);
        const expected = cargo(root, variables);
        expect(expected).toContain('42');
        expect(drydock(root, engine, variables, ...lane)).toBe(expected);
      }
    });
  }

  test('what a unit is not given does not count', () => {
    const root = store.project('asks-counted', asks);
    const shell = shellWith(made.answer);
    const plan = store.planned(root, shell);
    const another = shellWith(made.answer, '11111111111111111111111111111111');
    const PATH = `${shell['PATH'] ?? ''}:${made.data}`;
    expect(store.planned(root, { ...another, PATH, XDG_DATA_DIRS: made.data, THE_DATA: made.data })).toEqual(plan);
    const checkout = shellWith(made.answer, '22222222222222222222222222222222', '/home/somebody/project/outputs/out');
    expect(store.planned(root, checkout)).toEqual(plan);
    const other = store.planned(root, shellWith(made.other));
    const changed = other.filter((each) => !plan.includes(each));
    expect(changed.map((each) => each.replace(/.*-(asks-1.0.0.*)-[0-9a-f]{16}\.drv$/, '$1'))).toEqual([
      'asks-1.0.0-script_build_run',
      'asks-1.0.0-bin-asks',
    ]);
    expect(other).toHaveLength(plan.length);
  });

  test('a library of another version is linked, and only what has to do with it is built again', () => {
    const root = store.project('asks-edited', asks);
    expect(drydock(root, 'embedded', shellWith(made.answer))).toBe('42\n');
    const again = store.drydock(root, ['build', '--engine', 'embedded', '-v'], shellWith(made.other));
    expect(again.code, again.stderr).toBe(0);
    expect(again.stderr.match(/Running `.*/g)?.filter((line) => line.includes('--crate-name pure'))).toEqual([]);
    expect(store.run(root, 'target/debug/asks', []).stdout).toBe('43\n');
  });

  test('both engines plan alike, also what was learned, and an export gives the same derivations', () => {
    const root = store.project('hidden-exported', hidden);
    const variables = { ...shellWith(made.answer), THE_DATA: made.data };
    drydock(root, 'nix', variables, '--pure');
    const plan = store.planned(root, variables);
    expect(plan.map((each) => existsSync(each))).toEqual(plan.map(() => true));
    expect(drydock(root, 'embedded', variables, '--pure')).toBe('23 23 42\n');
    expect(store.planned(root, variables)).toEqual(plan);
    expect(store.drydock(root, ['export', 'nix'], variables).code).toBe(0);
    const instantiated = store.nix('nix-instantiate', path.join(root, 'nix/default.nix')).split('\n');
    expect(instantiated.sort()).toEqual([...plan].sort());
  });

  test('a wrapper of rustc is an input with all that it needs, and no host counts', () => {
    const wrapper = store.script(
      'wrapper',
      [made.data],
      `read -r number <${made.data}\nexec "$@" --cfg "given$number"`,
    );
    for (const engine of ['nix', 'embedded']) {
      const root = store.project(`wrapped-${engine}`, {
        'Cargo.toml': manifest('wrapped'),
        'src/main.rs': 'fn main() { println!("{}", cfg!(given23)); }\n',
      });
      const variables = { RUSTC_WRAPPER: `${wrapper}/bin/wrapper` };
      expect(cargo(root, variables)).toBe('true\n');
      expect(drydock(root, engine, variables, '--pure')).toBe('true\n');
      for (const drvPath of engine === 'nix' ? store.planned(root, variables) : []) {
        const text = readFileSync(drvPath, 'utf8');
        expect(text).toContain(`"${wrapper}"`);
        expect(text).toContain('("hostTools","")');
      }
    }
  });

  test('a linker that flags name is found in the store', () => {
    const linker = store.script('ld.mold', [], 'exec /usr/bin/ld "$@" --build-id=0xfeedfeed');
    const root = store.project('pure-flags', { 'Cargo.toml': manifest('pure'), 'src/main.rs': 'fn main() {}\n' });
    const PATH = `${linker}/bin:${shellWith(made.answer)['PATH'] ?? ''}`;
    drydock(root, 'nix', { PATH, RUSTFLAGS: '-C link-arg=-fuse-ld=mold' }, '--pure');
    expect(store.run(root, '/usr/bin/readelf', ['-n', 'target/debug/pure']).stdout).toContain('feedfeed');
    // Not by a failure, after which it would have the whole shell.
    const [drvPath = ''] = store.planned(root, { PATH, RUSTFLAGS: '-C link-arg=-fuse-ld=mold' });
    expect(readFileSync(drvPath, 'utf8')).not.toContain(made.teller);
  });

  test('a script that fails for good is told of as ever', () => {
    const root = store.project('asks-failed', asks);
    const without: Record<string, string> = { ...shellWith(made.answer) };
    delete without['PKG_CONFIG_PATH'];
    const ended = store.drydock(root, ['build', '--engine', 'embedded'], without);
    expect(ended.code).toBe(101);
    expect(ended.stderr).toContain('answer.pc');
  });
}

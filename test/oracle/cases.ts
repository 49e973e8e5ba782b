/** Small workspaces that differ in kind. Each says which cargo arguments it is planned and built with. */

export interface Case {
  readonly name: string;
  readonly arguments: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
}

const manifest = (name: string, rest = ''): string =>
  `[package]\nname = "${name}"\nversion = "0.1.0"\nedition = "2021"\nauthors = ["A <a@b>", "B"]\n` +
  `description = """two\nlines, it's"""\n${rest}`;
const main = 'fn main() {}\n';
const lib = 'pub fn f() -> u32 { 1 }\n';

const twoLibraries = {
  'Cargo.toml': `${manifest('top', '')}[dependencies]\nlower-part = { path = "lower" }\n[profile.release]\nopt-level = 0\nLTO\n[workspace]\nmembers = ["lower", "shared"]\n`,
  'src/main.rs': 'fn main() { println!("{}", lower_part::f()); }\n',
  'src/lib.rs': lib,
  'lower/Cargo.toml': manifest('lower-part', '[dependencies]\nitoa = "1"\n'),
  'lower/src/lib.rs': lib,
  'shared/Cargo.toml': manifest(
    'shared',
    '[lib]\ncrate-type = ["cdylib", "rlib"]\n[dependencies]\nlower-part = { path = "../lower" }\n',
  ),
  'shared/src/lib.rs': lib,
};

const lto = (setting: string, rest = ''): Case['files'] => ({
  ...twoLibraries,
  'Cargo.toml': twoLibraries['Cargo.toml'].replace('LTO', `lto = ${setting}\n${rest}`),
});

export const cases: readonly Case[] = [
  {
    name: 'links and DEP_ variables',
    arguments: [],
    files: {
      'Cargo.toml': manifest(
        'top',
        '[dependencies]\nnative-sys = { path = "native-sys" }\n[build-dependencies]\nitoa = "1"\n',
      ),
      'build.rs':
        'fn main() { println!("cargo::rustc-env=ROOT={}", std::env::var("DEP_NATIVE_THING_ROOT").unwrap()); println!("cargo::rustc-cfg=seen"); println!("cargo::rustc-check-cfg=cfg(seen)"); }\n',
      'src/main.rs': '#[cfg(seen)] fn main() { println!(env!("ROOT")); }\n',
      'native-sys/Cargo.toml': manifest('native-sys', 'links = "native-thing"\n'),
      'native-sys/build.rs':
        'fn main() { println!("cargo::metadata=root=/r"); println!("cargo:rustc-link-search=native={}", std::env::var("OUT_DIR").unwrap()); println!("cargo:rustc-link-lib=m"); }\n',
      'native-sys/src/lib.rs': lib,
    },
  },
  {
    name: 'a crate that compiles C',
    arguments: [],
    files: {
      'Cargo.toml': manifest('top', '[build-dependencies]\ncc = "1"\n'),
      'build.rs': 'fn main() { cc::Build::new().file("src/two.c").compile("two"); }\n',
      'src/two.c': 'int two(void) { return 2; }\n',
      'src/main.rs': 'extern "C" { fn two() -> i32; }\nfn main() { println!("{}", unsafe { two() }); }\n',
    },
  },
  {
    name: 'libraries and linker scripts among the sources',
    arguments: [],
    files: {
      'Cargo.toml': manifest('top', '[dependencies]\nnative-sys = { path = "native-sys" }\n'),
      'build.rs':
        'fn main() { println!("cargo::rustc-link-search=native=lib"); println!("cargo::rustc-link-arg-bins=-Wl,--version-script={}/versions.map", std::env::var("CARGO_MANIFEST_DIR").unwrap()); }\n',
      'versions.map': '{ global: *; };\n',
      'lib/libone.so': 'INPUT(-lc)\n',
      'src/main.rs': '#[link(name = "one")]\nextern "C" {}\nfn main() { println!("{}", native_sys::f()); }\n',
      'native-sys/Cargo.toml': manifest('native-sys', 'links = "native-thing"\n'),
      'native-sys/build.rs':
        'fn main() { let root = std::env::var("CARGO_MANIFEST_DIR").unwrap(); println!("cargo:rustc-link-search={root}/lib"); println!("cargo:rustc-link-search=native={root}"); println!("cargo:rustc-link-search=native={}", std::env::var("OUT_DIR").unwrap()); println!("cargo:rustc-link-lib=two"); }\n',
      'native-sys/src/lib.rs': lib,
      'native-sys/lib/libtwo.so': 'INPUT(-lm)\n',
    },
  },
  {
    name: 'procedural macros and build dependencies that share crates with the target',
    arguments: ['--features', 'extra'],
    files: {
      'Cargo.toml': manifest(
        'top',
        'resolver = "2"\n[features]\nextra = []\nother-one = ["dep:hidden", "extra"]\n[dependencies]\nmac = { path = "mac" }\nbitflags = { version = "2", features = ["std"] }\nhidden = { path = "hidden", optional = true }\nvisible = { path = "visible", optional = true }\n[build-dependencies]\nbitflags = "2"\n[profile.dev.build-override]\ndebug = 1\nopt-level = 1\n',
      ),
      'build.rs': main,
      'src/main.rs': 'use mac::nothing;\nnothing!();\nfn main() {}\n',
      'mac/Cargo.toml': manifest('mac', '[lib]\nproc-macro = true\n[dependencies]\nbitflags = "2"\n'),
      'mac/src/lib.rs':
        'use proc_macro::TokenStream;\n#[proc_macro] pub fn nothing(_: TokenStream) -> TokenStream { TokenStream::new() }\n',
      'hidden/Cargo.toml': manifest('hidden'),
      'hidden/src/lib.rs': lib,
      'visible/Cargo.toml': manifest('visible'),
      'visible/src/lib.rs': lib,
    },
  },
  {
    name: 'cdylib with rlib, dylib, staticlib',
    arguments: ['--workspace'],
    environment: { RUSTFLAGS: '-C prefer-dynamic' },
    files: {
      'Cargo.toml': '[workspace]\nmembers = ["user", "shared", "both", "static"]\nresolver = "2"\n',
      'user/Cargo.toml': manifest(
        'user',
        '[dependencies]\nshared = { path = "../shared" }\nboth = { path = "../both" }\n',
      ),
      'user/src/main.rs': 'fn main() { println!("{}", shared::f() + both::f()); }\n',
      'shared/Cargo.toml': manifest(
        'shared',
        '[lib]\ncrate-type = ["dylib"]\n[dependencies]\nboth = { path = "../both" }\n',
      ),
      'shared/src/lib.rs': 'pub fn f() -> u32 { both::f() }\n',
      'both/Cargo.toml': manifest('both', '[lib]\ncrate-type = ["cdylib", "rlib"]\n[dependencies]\nitoa = "1"\n'),
      'both/build.rs': 'fn main() { println!("cargo::rustc-link-arg-cdylib=-Wl,-soname,both"); }\n',
      'both/src/lib.rs': lib,
      'static/Cargo.toml': manifest(
        'static',
        '[lib]\ncrate-type = ["staticlib", "rlib"]\n[dependencies]\nboth = { path = "../both" }\n',
      ),
      'static/src/lib.rs': lib,
    },
  },
  {
    name: 'lints with priorities, inherited and own',
    arguments: ['--workspace'],
    files: {
      'Cargo.toml':
        '[workspace]\nmembers = ["a", "b"]\nresolver = "2"\n[workspace.package]\nversion = "1.2.3-rc.1"\nlicense = "MIT"\n[workspace.lints.rust]\nunused = { level = "warn", priority = -1 }\nunused_variables = "allow"\nunexpected_cfgs = { level = "warn", check-cfg = ["cfg(fancy)"] }\n[workspace.lints.clippy]\nall = { level = "deny", priority = -2 }\npedantic = "warn"\n',
      'a/Cargo.toml':
        '[package]\nname = "a"\nversion.workspace = true\nlicense.workspace = true\nedition = "2018"\nrust-version = "1.70"\n[lints]\nworkspace = true\n',
      'a/src/lib.rs': lib,
      'b/Cargo.toml': manifest(
        'b',
        '[lints.rust]\nunsafe_code = "forbid"\nmissing_docs = "allow"\n[lints.rustdoc]\nall = "warn"\n[dependencies]\na = { path = "../a" }\n',
      ),
      'b/src/main.rs': main,
    },
  },
  {
    name: 'profiles of packages, of build scripts, and a profile of its own',
    arguments: ['--profile', 'fast'],
    files: {
      'Cargo.toml': manifest(
        'top',
        '[dependencies]\nitoa = "1"\nlower = { path = "lower" }\n[profile.fast]\ninherits = "release"\ndebug = "line-tables-only"\nstrip = "debuginfo"\nrpath = true\noverflow-checks = true\nincremental = true\nsplit-debuginfo = "packed"\n[profile.fast.package.itoa]\nopt-level = "s"\ncodegen-units = 3\n[profile.fast.package."*"]\ndebug-assertions = true\n[profile.fast.build-override]\nopt-level = 2\ndebug = true\n',
      ),
      'build.rs': main,
      'src/main.rs': main,
      'lower/Cargo.toml': manifest('lower'),
      'lower/build.rs': main,
      'lower/src/lib.rs': lib,
    },
  },
  {
    name: 'panic = abort, one package in two versions, renamed dependencies',
    arguments: ['--release'],
    files: {
      'Cargo.toml': manifest(
        'top',
        '[dependencies]\nnew-flags = { package = "bitflags", version = "2" }\nold_flags = { package = "bitflags", version = "1" }\nlower = { path = "lower", package = "lower-part" }\n[profile.release]\npanic = "abort"\nstrip = true\ncodegen-units = 1\n',
      ),
      'src/main.rs': 'fn main() { println!("{}", lower::f()); }\n',
      'lower/Cargo.toml': manifest('lower-part', '[lib]\nname = "part"\n'),
      'lower/src/lib.rs': lib,
    },
  },
  { name: 'thin LTO', arguments: ['--release', '--workspace'], files: lto('"thin"') },
  { name: 'fat LTO', arguments: ['--release', '--workspace'], files: lto('true') },
  { name: 'LTO off', arguments: ['--release'], files: lto('"off"') },
  { name: 'fat LTO of tests and binaries', arguments: ['--release', '--all-targets'], files: lto('"fat"') },
  {
    name: 'the host triple as --target, with flags for rustc',
    arguments: ['--target', 'x86_64-unknown-linux-gnu'],
    environment: { RUSTFLAGS: '--cfg flagged -C target-feature=+sse3' },
    files: {
      'Cargo.toml': manifest(
        'top',
        '[dependencies]\nmac = { path = "mac" }\nitoa = "1"\n[build-dependencies]\nitoa = "1"\n',
      ),
      'build.rs': main,
      'src/main.rs': 'mac::nothing!();\nfn main() {}\n',
      'mac/Cargo.toml': manifest('mac', '[lib]\nproc-macro = true\n[dependencies]\nitoa = "1"\n'),
      'mac/src/lib.rs':
        'use proc_macro::TokenStream;\n#[proc_macro] pub fn nothing(_: TokenStream) -> TokenStream { TokenStream::new() }\n',
    },
  },
  {
    name: 'examples, tests, benches, required features, harness = false',
    arguments: ['--all-targets', '--features', 'needed'],
    files: {
      'Cargo.toml': manifest(
        'top-part',
        'default-run = "one"\n[features]\nneeded = []\nabsent = []\n[[bin]]\nname = "one"\npath = "src/one.rs"\n[[bin]]\nname = "two-half"\npath = "src/two.rs"\nrequired-features = ["needed"]\n[[bin]]\nname = "three"\npath = "src/two.rs"\nrequired-features = ["absent"]\n[[test]]\nname = "bare"\nharness = false\n[[example]]\nname = "plug"\ncrate-type = ["cdylib"]\n[[example]]\nname = "lib-like"\ncrate-type = ["rlib"]\n[dev-dependencies]\nitoa = "1"\n',
      ),
      'build.rs':
        'fn main() { println!("cargo::rustc-link-arg-bins=-Wl,-z,now"); println!("cargo::rustc-link-arg-tests=-Wl,-z,relro"); println!("cargo::rustc-link-arg-examples=-Wl,-z,noexecstack"); println!("cargo::rustc-link-arg-bin=one=-Wl,-O1"); }\n',
      'src/lib.rs': lib,
      'src/one.rs': main,
      'src/two.rs': main,
      'tests/bare.rs': 'fn main() { println!(env!("CARGO_BIN_EXE_one")); }\n',
      'tests/usual.rs': '#[test] fn t() { assert!(env!("CARGO_BIN_EXE_two-half").len() > 1); }\n',
      'benches/speed.rs': '#[test] fn t() { println!(env!("CARGO_TARGET_TMPDIR")); }\n',
      'examples/plain.rs': main,
      'examples/plug.rs': lib,
      'examples/lib-like.rs': lib,
    },
  },
  {
    name: 'configuration: variables, linker, flags, overridden build script',
    arguments: ['--config', 'env.LATE="1"'],
    environment: { FROM_CALLER: 'caller' },
    files: {
      '.cargo/config.toml':
        '[env]\nPLAIN = "a b"\nHERE = { value = "sub", relative = true }\nFROM_CALLER = "config"\nFORCED = { value = "f", force = true }\nCARGO_PKG_NAME = "no"\n[build]\nrustflags = ["--cfg", "configured"]\n[target.x86_64-unknown-linux-gnu]\nlinker = "/usr/bin/cc"\n[target.x86_64-unknown-linux-gnu.given]\nrustc-link-search = ["/usr/lib"]\nrustc-cfg = ["given"]\nroot = "/given"\n',
      'Cargo.toml': manifest('top', '[dependencies]\ngiven-sys = { path = "given-sys" }\nitoa = "1"\n'),
      'build.rs': 'fn main() { std::env::var("DEP_GIVEN_ROOT").unwrap(); }\n',
      'src/main.rs': main,
      'given-sys/Cargo.toml': manifest('given-sys', 'links = "given"\nbuild = "build.rs"\n'),
      'given-sys/build.rs': 'fn main() { panic!("is not run") }\n',
      'given-sys/src/lib.rs': lib,
    },
  },
  {
    name: 'path packages outside of the workspace, and a package that is no member',
    arguments: ['--manifest-path', 'inner/Cargo.toml'],
    files: {
      'inner/Cargo.toml': `${manifest('inner', '[dependencies]\nouter = { path = "../outer" }\nexcluded = { path = "excluded" }\n')}[workspace]\nexclude = ["excluded"]\n`,
      'inner/src/main.rs': main,
      'inner/excluded/Cargo.toml': manifest('excluded'),
      'inner/excluded/src/lib.rs': lib,
      'outer/Cargo.toml': manifest('outer'),
      'outer/build.rs': main,
      'outer/src/lib.rs': lib,
    },
  },
];

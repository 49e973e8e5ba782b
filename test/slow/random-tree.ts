/** A workspace that can be changed at random, and what every change does to its files. */

/** Numbers that a seed decides (mulberry32). */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * limit);
  }

  one<Value>(values: readonly Value[]): Value {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new Error('nothing to choose from');
    return value;
  }
}

/** What the files are made from. A copy of it is a state that one can go back to. */
export interface Tree {
  /** Modules of `core` and the number that each returns; a name ending in `_dir` lies in `<name>/mod.rs`. */
  modules: Record<string, number>;
  /** Further binaries, integration tests and examples of `app`, with a number in each. */
  binaries: Record<string, number>;
  tests: Record<string, number>;
  examples: Record<string, number>;
  /** Read by `include_str!`, by a build script, by a procedural macro, and by nobody. */
  included: number;
  scripted: number;
  expanded: number;
  unread: number;
  generic: number;
  comments: number;
  /** `mid` depends on a package of a registry. */
  external: boolean;
  minor: number;
  lint: boolean;
  broken: 'nothing' | 'syntax' | 'type' | 'script' | 'missing module';
}

export const first: Tree = {
  modules: { m0: 1, m1: 2, deep_dir: 3 },
  binaries: { extra_bin: 1 },
  tests: { t0: 1 },
  examples: {},
  included: 1,
  scripted: 1,
  expanded: 1,
  unread: 1,
  generic: 1,
  comments: 0,
  external: false,
  minor: 1,
  lint: false,
  broken: 'nothing',
};

type Change = (tree: Tree, chance: Chance) => void;

const fresh = (chance: Chance): number => chance.below(6);
const named = (record: Record<string, number>, prefix: string, chance: Chance): void => {
  record[`${prefix}${chance.below(4)}`] = fresh(chance);
};
const without = (record: Record<string, number>, chance: Chance): void => {
  const names = Object.keys(record);
  if (names.length > 0) delete record[chance.one(names)];
};

/** Every kind of change to the files. */
export const changes: Readonly<Record<string, Change>> = {
  'edit a module': (tree, chance) => {
    tree.modules[chance.one(Object.keys(tree.modules))] = fresh(chance);
  },
  'edit the generic function': (tree, chance) => (tree.generic = fresh(chance)),
  'edit the macro': (tree, chance) => (tree.expanded = fresh(chance)),
  'edit the included file': (tree, chance) => (tree.included = fresh(chance)),
  "edit the build script's file": (tree, chance) => (tree.scripted = fresh(chance)),
  'edit a file that nobody reads': (tree, chance) => (tree.unread = fresh(chance)),
  'edit comments': (tree, chance) => (tree.comments = fresh(chance)),
  'add a module': (tree, chance) => named(tree.modules, chance.below(2) === 0 ? 'x' : 'y_dir', chance),
  'remove a module': (tree, chance) => {
    if (Object.keys(tree.modules).length > 1) without(tree.modules, chance);
  },
  'rename a module': (tree, chance) => {
    const name = chance.one(Object.keys(tree.modules));
    const number = tree.modules[name] ?? 0;
    delete tree.modules[name];
    tree.modules[`r${chance.below(3)}`] = number;
  },
  'add a binary': (tree, chance) => named(tree.binaries, 'b', chance),
  'remove a binary': (tree, chance) => without(tree.binaries, chance),
  'add a test': (tree, chance) => named(tree.tests, 't', chance),
  'remove a test': (tree, chance) => without(tree.tests, chance),
  'add an example': (tree, chance) => named(tree.examples, 'e', chance),
  'remove an example': (tree, chance) => without(tree.examples, chance),
  'another dependency': (tree) => (tree.external = !tree.external),
  'another version': (tree, chance) => (tree.minor = fresh(chance)),
  'another lint': (tree) => (tree.lint = !tree.lint),
  'break it': (tree, chance) => (tree.broken = chance.one(['syntax', 'type', 'script', 'missing module'] as const)),
};

/** The files of a tree. */
export function filesOf(tree: Tree): Record<string, string> {
  const files: Record<string, string> = {
    'Cargo.toml':
      '[workspace]\nmembers = ["core", "mac", "mid", "app"]\nresolver = "2"\n' +
      '[profile.fast]\ninherits = "release"\nincremental = true\n[profile.release]\nopt-level = 1\n',
    'core/Cargo.toml': manifest('core-part', tree, '[features]\nextra = []\n'),
    'core/build.rs': scriptOf(tree),
    'core/input.txt': `${tree.scripted}\n`,
    'core/src/data.txt': `data ${tree.included}\n`,
    'core/src/lib.rs': libraryOf(tree),
    'core/README.md': `# ${tree.unread}\n`,
    'mac/Cargo.toml': manifest('mac', tree, '[lib]\nproc-macro = true\n'),
    'mac/src/lib.rs': `use proc_macro::TokenStream;\n#[proc_macro]\npub fn expanded(_: TokenStream) -> TokenStream {\n    "${tree.expanded}u64".parse().unwrap()\n}\n`,
    'mid/Cargo.toml': manifest(
      'mid',
      tree,
      `[features]\nextra = ["core-part/extra"]\n[dependencies]\ncore-part = { path = "../core" }\nmac = { path = "../mac" }\n${tree.external ? 'itoa = "=1.0.15"\n' : ''}`,
    ),
    'mid/src/lib.rs': middleOf(tree),
    'app/Cargo.toml': manifest(
      'app',
      tree,
      'default-run = "app"\n[features]\nextra = ["mid/extra"]\n[dependencies]\nmid = { path = "../mid" }\n',
    ),
    'app/src/main.rs': `fn main() {\n    println!("{}", mid::sentence());\n    println!("{}", option_env!("RANDOM_EDIT").unwrap_or("none"));\n${tree.broken === 'type' ? '    let wrong: u32 = "text";\n' : ''}}\n`,
  };
  for (const [name, number] of Object.entries(tree.modules)) {
    const place = name.includes('_dir') ? `core/src/${name}/mod.rs` : `core/src/${name}.rs`;
    files[place] = `${'// a line\n'.repeat(tree.comments)}pub fn number() -> u64 { ${number} }\n`;
  }
  const user = (number: number): string => `fn main() { println!("{} {}", mid::sentence(), ${number}); }\n`;
  for (const [name, number] of Object.entries(tree.binaries)) files[`app/src/bin/${name}.rs`] = user(number);
  for (const [name, number] of Object.entries(tree.examples)) files[`app/examples/${name}.rs`] = user(number);
  for (const [name, number] of Object.entries(tree.tests)) {
    files[`app/tests/${name}.rs`] =
      `#[test]\nfn says() {\n    println!("{}", mid::sentence());\n    let out = std::process::Command::new(env!("CARGO_BIN_EXE_app")).output().unwrap();\n    println!("{}", String::from_utf8(out.stdout).unwrap());\n    assert_eq!(${number} % 2, 0);\n}\n`;
  }
  return files;
}

function manifest(name: string, tree: Tree, rest: string): string {
  const lints = tree.lint ? '[lints.rust]\nunused = "allow"\n' : '';
  return `[package]\nname = "${name}"\nversion = "0.${tree.minor}.0"\nedition = "2021"\n${rest}${lints}`;
}

function scriptOf(tree: Tree): string {
  const fails = tree.broken === 'script' ? '    panic!("as asked");\n' : '';
  return `fn main() {\n${fails}    println!("cargo::rerun-if-changed=input.txt");\n    println!("cargo::rerun-if-env-changed=RANDOM_SCRIPT");\n    let text = std::fs::read_to_string("input.txt").unwrap();\n    let more = std::env::var("RANDOM_SCRIPT").unwrap_or_default();\n    println!("cargo::rustc-env=FROM_SCRIPT={}{more}", text.trim());\n    std::fs::write(format!("{}/made.rs", std::env::var("OUT_DIR").unwrap()), format!("pub const MADE: &str = \\"{}\\";", text.trim())).unwrap();\n}\n`;
}

function libraryOf(tree: Tree): string {
  const names = Object.keys(tree.modules).sort();
  const declared = tree.broken === 'missing module' ? [...names, 'nowhere'] : names;
  const sum = names.map((name) => `${name}::number()`).join(' + ');
  return [
    ...declared.map((name) => `pub mod ${name};`),
    'include!(concat!(env!("OUT_DIR"), "/made.rs"));',
    `pub fn total() -> u64 { let unused = 1; ${sum} }`,
    'pub fn text() -> String { format!("{} {} {} {}", total(), include_str!("data.txt").trim(), env!("FROM_SCRIPT"), MADE) }',
    'pub const EXTRA: bool = cfg!(feature = "extra");',
    '#[cfg(test)] mod tests { #[test] fn total() { println!("{}", super::text()); assert_ne!(super::total() % 5, 0); } }',
    tree.broken === 'syntax' ? 'fn {' : '',
    '',
  ].join('\n');
}

function middleOf(tree: Tree): string {
  const version = tree.external ? 'itoa::Buffer::new().format(7).to_owned()' : 'String::from("no")';
  return [
    `#[inline]\npub fn generic<T: std::fmt::Display>(value: T) -> String { format!("<{value}|${tree.generic}>") }`,
    `pub fn sentence() -> String { generic(format!("{} {} {} {} {}", core_part::text(), core_part::EXTRA, mac::expanded!(), ${version}, env!("CARGO_PKG_VERSION"))) }`,
    '',
  ].join('\n');
}

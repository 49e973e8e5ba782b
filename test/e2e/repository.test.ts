/** Build scripts and macros that want the git repository around their package. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { expect, test } from 'vitest';
import { sha256 } from '../../src/nix/hash.ts';
import { manifest, Place, type Project } from './support.ts';

const place = new Place('repository');
const seconds = { timeout: 120_000 };

/** Tolerates that there is nothing, as such scripts do. */
const script = `fn main() {
    let git = std::process::Command::new("git").args(["rev-parse", "HEAD"]).output();
    let commit = git.ok().filter(|git| git.status.success()).map(|git| String::from_utf8(git.stdout).unwrap());
    println!("cargo::rustc-env=COMMIT={}", commit.unwrap_or("unknown".into()).trim());
}
`;
const main = 'fn main() { print!("{}", env!("COMMIT")); }\n';

function git(project: Project, ...words: readonly string[]): string {
  const author = ['-c', 'user.name=A', '-c', 'user.email=a@example.org', '-c', 'init.defaultBranch=main'];
  return execFileSync('git', [...author, ...words], { cwd: project.root, encoding: 'utf8' }).trim();
}

function commit(project: Project, message: string): string {
  git(project, 'add', '-A');
  git(project, 'commit', '-q', '--allow-empty', '-m', message);
  return git(project, 'rev-parse', 'HEAD');
}

const unseen = (name: string): string =>
  `warning: the build script of \`${name} 0.1.0\` was not shown its git repository`;
const allow = (inputs: string): string => `[package.metadata.drydock]\ninputs = ["${inputs}"]\n`;

test('a script that makes do without: said when it runs; allowed, each commit runs it again', seconds, async () => {
  const files = { 'Cargo.toml': manifest('asks'), 'build.rs': script, 'src/main.rs': main, '.gitignore': 'target\n' };
  const project = place.project('asks', files);
  git(project, 'init', '-q');
  commit(project, 'one');
  const first = await project.good();
  expect(first.stderr).toContain(unseen('asks'));
  expect(first.stderr.split('was not shown its git repository')).toHaveLength(2);
  expect(first.stderr).toContain('write in Cargo.toml:  [package.metadata.drydock]  inputs = [".git"]\n');
  expect(await project.says('asks')).toBe('unknown');
  project.write({ 'src/main.rs': `${main}//\n` });
  expect((await project.good()).stderr).not.toContain('git repository');

  project.write({ 'Cargo.toml': manifest('asks', allow('.git')) });
  const two = commit(project, 'two');
  const allowed = await project.good();
  expect(allowed.stderr).not.toContain('git repository');
  expect(await project.says('asks')).toBe(two);
  expect((await project.good()).compiled).toEqual([]);
  const three = commit(project, 'three');
  await project.good();
  expect(await project.says('asks')).toBe(three);
  // Without a loose ref `refs` has no file in it.
  git(project, 'pack-refs', '--all');
  await project.good();
  expect(await project.says('asks')).toBe(three);
});

test('of a member in a directory of its own, through a dependency, and in a linked working tree', seconds, async () => {
  const project = place.project('members', {
    'Cargo.toml': '[workspace]\nmembers = ["member", "shadow"]\nresolver = "2"\n',
    'member/Cargo.toml': manifest('member', '[build-dependencies]\nshadow-rs = { path = "../shadow" }\n'),
    'member/build.rs': 'fn main() { println!("cargo::rustc-env=COMMIT={}", shadow_rs::commit()); }\n',
    'member/src/main.rs': main,
    // The name is that of a crate which reads repositories.
    'shadow/Cargo.toml': manifest('shadow-rs'),
    'shadow/src/lib.rs': script
      .replace('fn main()', 'pub fn commit() -> String')
      .replace(/println!.*/, 'commit.unwrap_or("unknown".into()).trim().to_string()'),
    '.gitignore': 'target\n',
  });
  git(project, 'init', '-q');
  const one = commit(project, 'one');
  const first = await project.good();
  expect(first.stderr).toContain(unseen('member'));
  expect(first.stderr).toContain('note: it depends on `shadow-rs`;');
  expect(first.stderr).toContain('inputs = ["../.git"]\n');

  git(project, 'worktree', 'add', '-q', project.at('../linked-tree'));
  const linked = place.project('linked-tree', {});
  const other = await linked.good();
  expect(other.stderr).toContain('lies elsewhere and cannot be shown');

  project.write({
    'member/Cargo.toml': `${project.read('member/Cargo.toml')}${allow('../.git')}`,
  });
  expect((await project.good()).stderr).not.toContain('git repository');
  expect(await project.says('member')).toBe(one);
});

test(
  'of a package with a macro that asks: whether it does without or fails, and once for all its units',
  seconds,
  async () => {
    // The name is that of a crate whose macro reads repositories.
    const macro = {
      'Cargo.toml': manifest('git-version-macro', '[lib]\nproc-macro = true\n'),
      'src/lib.rs': `use proc_macro::TokenStream;
#[proc_macro]
pub fn commit(fallback: TokenStream) -> TokenStream {
    let directory = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    let git = |args: &[&str]| std::process::Command::new("git").args(["-C", &directory]).args(args).output().unwrap();
    let head = git(&["rev-parse", "HEAD"]);
    if !head.status.success() && !fallback.is_empty() { return fallback; }
    assert!(head.status.success(), "no repository");
    let clean = if git(&["status", "--porcelain"]).stdout.is_empty() { "clean" } else { "changed" };
    format!("{:?}", format!("{} {clean}", String::from_utf8(head.stdout).unwrap().trim())).parse().unwrap()
}
`,
    };
    const files = Object.fromEntries(Object.entries(macro).map(([name, text]) => [name, sha256(text)]));
    const vendored = { ...macro, '.cargo-checksum.json': JSON.stringify({ files }) };
    const calls = (argument: string) => `fn main() { print!("{}", git_version_macro::commit!(${argument})); }\n`;
    const project = place.project('macros', {
      '.cargo/config.toml': '[source.crates-io]\nreplace-with = "here"\n[source.here]\ndirectory = "vendor"\n',
      'Cargo.toml': manifest('macros', '[dependencies]\ngit-version-macro = "0.1"\n'),
      'src/lib.rs': '',
      'src/main.rs': calls('"none"'),
      ...Object.fromEntries(Object.entries(vendored).map(([name, text]) => [`vendor/git-version-macro/${name}`, text])),
      '.gitignore': 'target\n',
    });
    git(project, 'init', '-q');
    commit(project, 'one');
    const warning = 'warning: `macros 0.1.0` was not shown its git repository';
    const first = await project.good();
    expect(first.stderr.split(warning)).toHaveLength(2);
    expect(first.stderr).toContain('note: it depends on `git-version-macro`;');
    expect(await project.says('macros')).toBe('none');
    project.write({ 'src/main.rs': `${calls('"none"')}//\n` });
    expect((await project.good()).stderr).not.toContain('git repository');

    project.remove('target');
    project.write({ 'src/main.rs': calls('') });
    expect((await project.build()).stderr).toContain(warning);
    expect(first.stderr).toContain('inputs = [".git", "**"]\n');
    project.write({ 'Cargo.toml': `${project.read('Cargo.toml')}${allow('.git", "**')}` });
    const two = commit(project, 'two');
    expect((await project.good()).stderr).not.toContain('git repository');
    expect(await project.says('macros')).toBe(`${two} clean`);
  },
);

test('nothing is said where there is no repository, or where the script does not ask', seconds, async () => {
  const asks = place.project('alone', { 'Cargo.toml': manifest('alone'), 'build.rs': script, 'src/main.rs': main });
  expect((await asks.good()).stderr).not.toContain('git repository');
  expect(await asks.says('alone')).toBe('unknown');
  const files = { 'build.rs': 'fn main() {} // git\n', 'src/main.rs': 'fn main() {}\n' };
  const quiet = place.project('quiet', { 'Cargo.toml': manifest('quiet'), ...files });
  git(quiet, 'init', '-q');
  expect((await quiet.good()).stderr).not.toContain('git repository');
  fs.rmSync(quiet.at('.git'), { recursive: true });
});

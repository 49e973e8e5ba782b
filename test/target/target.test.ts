/** What lies in `target/` after a build, after `cargo clean`, and after somebody has put a hand in. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { UnitId } from '../../src/plan/types.ts';
import { openTarget } from '../../src/target/open.ts';
import { tryLock } from '../../src/sys/lock.ts';
import { type Built, cargo, drydock, environment, makeProject } from '../report/support.ts';

const files = {
  'Cargo.toml': `[package]
name = "top"
version = "0.1.0"
edition = "2021"
[workspace]
[lib]
crate-type = ["cdylib", "rlib"]
[dependencies]
below-it = { path = "below" }
`,
  'src/lib.rs': 'pub fn f() -> u32 { below_it::g() }\n',
  'src/main.rs': 'fn main() { println!("{}", top::f()); }\n',
  'examples/ex-one.rs': 'fn main() {}\n',
  'below/Cargo.toml': '[package]\nname = "below-it"\nversion = "0.2.0"\nedition = "2021"\n',
  'below/build.rs': `fn main() {
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR").unwrap());
    std::fs::create_dir_all(out.join("in/side")).unwrap();
    std::fs::write(out.join("in/side/made.rs"), "pub fn g() -> u32 { 7 }").unwrap();
    println!("cargo::rerun-if-changed=data.txt");
  }`,
  'below/data.txt': 'data\n',
  'below/src/lib.rs': 'include!(concat!(env!("OUT_DIR"), "/in/side/made.rs"));\n',
};
const argv = ['build', '--lib', '--bins', '--examples'];

let root = '';
let store = '';
let first: Built;
beforeAll(async () => {
  root = makeProject(files);
  store = fs.mkdtempSync(path.join(os.tmpdir(), 'drydock-target-store-'));
  first = await drydock(root, argv, store);
}, 60_000);
afterAll(() => {
  for (const directory of [root, store]) fs.rmSync(directory, { recursive: true, force: true });
});

/** Every file with its inode and times: equal only if nothing was placed anew. */
function listing(): string[] {
  const output = execFileSync('find', ['target', '-printf', '%p %y %i %s %T@ %m %l\n'], { cwd: root }).toString();
  return output
    .split('\n')
    .filter((line) => !/incremental|\.cargo-lock/.test(line))
    .sort();
}

/** Names alone, identities taken out, without what only one of both keeps. */
function names(): string[] {
  const output = execFileSync('find', ['target', '-printf', '%p %y\n'], { cwd: root }).toString();
  return [...new Set(output.replace(/-[0-9a-f]{16}/g, '-ID').split('\n'))]
    .filter((line) => !/incremental|-lock/.test(line))
    .sort();
}

test('the tree and the dep-info files are those of cargo', { timeout: 60_000 }, async () => {
  expect(first.ok).toBe(true);
  const ours = { names: names(), depInfo: rootDepInfo() };
  fs.renameSync(path.join(root, 'target'), path.join(root, 'ours'));
  await cargo(root, argv);
  const theirs = { names: names(), depInfo: rootDepInfo() };
  fs.rmSync(path.join(root, 'target'), { recursive: true });
  fs.renameSync(path.join(root, 'ours'), path.join(root, 'target'));
  expect(ours).toEqual(theirs);
  expect(fs.readFileSync(path.join(root, 'target/CACHEDIR.TAG'), 'utf8')).toMatch(/^Signature: 8a477f597d28d172789f06/);
});

function rootDepInfo(): Record<string, string> {
  const directory = path.join(root, 'target/debug');
  const found = fs.readdirSync(directory).filter((name) => name.endsWith('.d'));
  const text = (name: string) => fs.readFileSync(path.join(directory, name), 'utf8');
  return Object.fromEntries(found.map((name) => [name, text(name).replace(/-[0-9a-f]{16}/g, '-ID')]));
}

test('a build with nothing to do places nothing', { timeout: 60_000 }, async () => {
  await drydock(root, argv, store);
  const before = listing();
  await drydock(root, argv, store);
  expect(listing()).toEqual(before);
});

test('executables are files as cargo leaves them: one with the name in deps, writable, with the time of the build', () => {
  const binary = fs.statSync(path.join(root, 'target/debug/top'));
  const id = first.plan.units.find(({ unit }) => unit.target.kind.includes('bin'))?.id ?? '';
  expect(fs.statSync(path.join(root, `target/debug/deps/top-${id}`)).ino).toBe(binary.ino);
  expect(binary.mode & 0o777).toBe(0o777 & ~currentUmask());
  expect(Date.now() - binary.mtimeMs).toBeLessThan(3_600_000);
  expect(fs.statSync(path.join(root, 'target/debug/libtop.rlib')).nlink).toBeGreaterThan(1);
  const named = fs.statSync(path.join(root, 'target/debug/deps/libtop.so'));
  expect([named.nlink, named.mode & 0o200]).toEqual([1, 0o200]);
});

function currentUmask(): number {
  const probe = path.join(root, 'probe');
  fs.writeFileSync(probe, '', { mode: 0o777 });
  const { mode } = fs.statSync(probe);
  fs.rmSync(probe);
  return 0o777 & ~mode;
}

test('what was deleted or replaced is put back', { timeout: 60_000 }, async () => {
  const before = new Set(listing().map((line) => line.split(' ')[0]));
  const target = (name: string) => path.join(root, 'target/debug', name);
  const rlib = fs.readdirSync(target('deps')).find((name) => name.startsWith('libbelow_it') && name.endsWith('.rlib'));
  fs.rmSync(target(`deps/${rlib}`));
  fs.writeFileSync(target('other'), 'not a program');
  fs.renameSync(target('other'), target('top'));
  fs.rmSync(target('top.d'));
  const made = execFileSync('find', ['target', '-name', 'made.rs'], { cwd: root }).toString().trim();
  fs.rmSync(path.join(root, made));
  const second = await drydock(root, argv, store);
  expect(second.events).toEqual([]);
  expect(new Set(listing().map((line) => line.split(' ')[0]))).toEqual(before);
  expect(execFileSync(target('top')).toString()).toBe('7\n');
});

test('a write into an executable never becomes what the store gives for it', { timeout: 60_000 }, async () => {
  const top = path.join(root, 'target/debug/top');
  fs.appendFileSync(top, 'more');
  const second = await drydock(root, argv, store);
  expect(builtBy(second)).toEqual(['bin']);
  expect(fs.readFileSync(top, 'latin1')).not.toMatch(/more$/);
  expect(execFileSync(top).toString()).toBe('7\n');
  expect((await drydock(root, argv, store)).events).toEqual([]);
});

test('an executable that is put back is as new as what it is put in the place of', { timeout: 60_000 }, async () => {
  const top = path.join(root, 'target/debug/top');
  const main = path.join(root, 'src/main.rs');
  const text = fs.readFileSync(main, 'utf8');
  const edited = text.replace('"{}"', '"v{}"');
  fs.writeFileSync(main, edited);
  await drydock(root, argv, store);
  const between = fs.statSync(top);
  fs.writeFileSync(main, text);
  expect(builtBy(await drydock(root, argv, store))).toEqual([]);
  const back = fs.statSync(top);
  expect(back.ino).not.toBe(between.ino);
  expect(back.mtimeMs).toBeGreaterThan(between.mtimeMs);
  expect((await drydock(root, argv, store)).events).toEqual([]);
  expect(execFileSync(top).toString()).toBe('7\n');
});

test('a target directory beside it that shows the same executable leaves it as it is', {
  timeout: 60_000,
}, async () => {
  await drydock(root, [...argv, '--target-dir', 'beside'], store);
  const before = listing();
  await drydock(root, argv, store);
  await drydock(root, [...argv, '--target-dir', 'beside'], store);
  const top = fs.statSync(path.join(root, 'target/debug/top'));
  expect(fs.statSync(path.join(root, 'beside/debug/top'))).toMatchObject({ ino: top.ino, mtimeMs: top.mtimeMs });
  expect(listing()).toEqual(before);
  fs.rmSync(path.join(root, 'beside'), { recursive: true });
});

function builtBy({ events, plan }: Built): string[] {
  const built = events.filter((event) => event.type === 'ended' && event.outcome.status === 'built');
  return built.map(({ key }) => plan.byId.get(key as UnitId)?.unit.target.kind.join() ?? key);
}

test('cargo clean and cargo clean -p clean it, and the next build is right', { timeout: 60_000 }, async () => {
  const before = names();
  const clean = (args: readonly string[]) =>
    execFileSync('cargo', ['clean', ...args], { cwd: root, env: environment, stdio: 'pipe' });
  clean(['-p', 'below-it']);
  expect(names().filter((name) => /below.it/.test(name))).toEqual([]);
  await drydock(root, argv, store);
  expect(names()).toEqual(before);
  clean(['-p', 'top']);
  expect(fs.existsSync(path.join(root, 'target/debug/top'))).toBe(false);
  await drydock(root, argv, store);
  expect(names()).toEqual(before);
  clean([]);
  expect(fs.existsSync(path.join(root, 'target'))).toBe(false);
  await drydock(root, argv, store);
  expect(names()).toEqual(before);
  expect(execFileSync(path.join(root, 'target/debug/top')).toString()).toBe('7\n');
});

test('cargo trusts none of what lies there, and drydock none of what cargo puts there', {
  timeout: 60_000,
}, async () => {
  const says = () => execFileSync(path.join(root, 'target/debug/top')).toString();
  const before = fs.readFileSync(path.join(root, 'src/main.rs'), 'utf8');
  const compiled = ({ stderr }: { readonly stderr: string }) =>
    [...stderr.matchAll(/Running `.*--crate-name (\w+) /g)].map(([, name = '']) => name).sort();
  const all = ['below_it', 'build_script_build', 'ex_one', 'top', 'top'];
  const theirs = await cargo(root, [...argv, '-v']);
  expect([theirs.ok, compiled(theirs), says()]).toEqual([true, all, '7\n']);
  expect(compiled(await cargo(root, [...argv, '-v']))).toEqual([]);
  fs.writeFileSync(path.join(root, 'src/main.rs'), 'fn main() { println!("changed {}", top::f()); }\n');
  const ours = await drydock(root, [...argv, '-v'], store);
  expect([ours.ok, compiled(ours), says()]).toEqual([true, ['top'], 'changed 7\n']);
  fs.writeFileSync(path.join(root, 'src/main.rs'), before);
  const again = await cargo(root, [...argv, '-v']);
  expect([again.ok, says()]).toEqual([true, '7\n']);
  expect(compiled(await drydock(root, [...argv, '-v'], store))).toEqual([]);
  expect(says()).toBe('7\n');
  // The files are there, and they are drydock's: cargo has written its own into directories of its own.
  const fingerprints = fs.readdirSync(path.join(root, 'target/debug/.fingerprint'));
  expect(fingerprints.filter((name) => name.startsWith('top-')).length).toBe(6);
});

test('it waits for whoever holds the lock, and says so', async () => {
  const held = await tryLock(path.join(root, 'target/debug/.cargo-lock'), 'exclusive');
  const waits: string[] = [];
  const opening = openTarget(first.workspace, { onWait: (what) => waits.push(what) });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(waits).toEqual(['artifact directory']);
  held?.release();
  (await opening).close();
});

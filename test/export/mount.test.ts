/** The command from which all began: `nix build` on the export, with the developer's own incremental state mapped in. */
import { cpSync, existsSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installHook, type Lab, mkdirAs, openLab, type Ran, run, type User, writeAs } from '../hook/support.ts';

let lab: Lab;
let user: User;
let sysroot: string;

beforeAll(async () => {
  lab = await openLab();
  [user] = lab.users;
  await installHook(lab);
  cpSync(fileURLToPath(new URL('../../builder', import.meta.url)), path.join(lab.prefix, 'builder'), {
    recursive: true,
  });
  sysroot = run('rustc', ['--print', 'sysroot']).trim();
  mkdirAs(user, 'rust');
  writeAs(user, 'project/Cargo.toml', '[package]\nname = "hello"\nversion = "0.1.0"\nedition = "2021"\n');
  writeAs(
    user,
    'project/src/main.rs',
    'mod one;\nmod two;\nfn main() { println!("{} {}", one::text(), two::text()); }\n',
  );
  for (const name of ['one', 'two']) writeAs(user, `project/src/${name}.rs`, module(name));
});
afterAll(() => lab.remove());

function module(text: string): string {
  return `#[inline(never)]\npub fn text() -> String { format!("{}", "${text}") }\n`;
}

/** Runs a command of drydock in the user's project; the machine's toolchain, which may lie in root's home, is shown in theirs. */
async function drydock(...words: readonly string[]): Promise<Ran> {
  const script = 'mount --bind "$1" "$2"; cd "$3"; user=$4; shift 4; exec setpriv --reuid="$user" --clear-groups "$@"';
  const rust = path.join(user.home, 'rust');
  const root = { name: 'root', uid: 0, gid: user.gid, home: '/' };
  const environment = {
    HOME: user.home,
    PATH: `${rust}/bin:/usr/local/bin:/usr/bin:/bin`,
    NIX_CONFIG: 'experimental-features = nix-command',
  };
  const program = [process.execPath, path.join(lab.prefix, 'dist/drydock.mjs')];
  const before = ['unshare', '-m', 'sh', '-ec', script, 'sh', sysroot, rust, path.join(user.home, 'project')];
  const ran = await lab.as(root, [...before, String(user.uid), ...program, ...words], environment);
  if (ran.code !== 0) throw new Error(`drydock ${words.join(' ')}\n${ran.stdout}${ran.stderr}`);
  return ran;
}

/** Runs the exported `target` and answers what the program prints. */
async function built(): Promise<string> {
  await drydock('mount', '--', 'nix', 'build', '--file', 'nix/cargo_build_caller.nix', 'target', '-L');
  const real = (file: string) => lab.daemon.address.root + file;
  const result = readlinkSync(path.join(user.home, 'project/result'));
  return run(real(readlinkSync(path.join(real(result), 'debug/hello'))), []);
}

/** Inodes of the object files of the one session that rustc has left. */
function objects(): readonly number[] {
  const incremental = path.join(user.home, 'project/target/debug/incremental');
  const files = readdirSync(incremental, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.o'));
  return files.map((name) => statSync(path.join(incremental, name)).ino);
}

test("`nix build` on the export under `drydock mount` compiles with the project's own incremental state", async () => {
  await drydock('export', 'nix');
  expect(await built()).toBe('one two\n');
  const first = objects();
  expect(first.length).toBeGreaterThan(1);
  const [state = ''] = readdirSync(path.join(user.home, 'project/target/debug/incremental'));
  expect(statSync(path.join(user.home, 'project/target/debug/incremental', state)).uid).toBe(user.uid);

  writeAs(user, 'project/src/two.rs', module('three'));
  expect(await built()).toBe('one three\n');
  // The derivation is drydock's own.
  const [row] = JSON.parse((await drydock('plan', '--json')).stdout) as { outPath: string }[];
  expect(existsSync(lab.daemon.address.root + (row?.outPath ?? '-'))).toBe(true);
  // What the edit does not concern was taken over, not compiled again.
  expect(objects().filter((inode) => first.includes(inode)).length).toBeGreaterThan(0);
});

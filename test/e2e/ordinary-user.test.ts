/** Root tries what everybody else does: a build by an ordinary user whose home is closed to others. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { installInto } from '../installation.ts';
import { type Ended, manifest, Place, type Project } from './support.ts';

const uid = 54_322;

describe.runIf(process.getuid?.() === 0)('an ordinary user with a 0700 home', () => {
  const place = new Place('user');
  const home = path.join(place.directory, 'home');
  const tools = path.join(place.directory, 'tools');
  let project: Project;
  /** Shell lines as that user, with a toolchain that is bound where everybody can read it. */
  const asUser = (lines: string): Promise<Ended> => {
    const sysroot = execFileSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8' }).trim();
    const script = `mount --bind ${sysroot} ${tools}/rust && cd ${project.root} && exec setpriv --reuid ${uid} --regid ${uid} --clear-groups env -i HOME=${home} PATH=${tools}/rust/bin:/usr/bin:/bin D="${process.execPath} ${tools}/dist/drydock.mjs" sh -ec '${lines}'`;
    return project.run('unshare', ['-m', 'sh', '-c', script]);
  };

  beforeAll(() => {
    fs.mkdirSync(path.join(tools, 'rust'), { recursive: true });
    installInto(tools);
    project = place.project('home/project', {
      'Cargo.toml': manifest('mine', '[workspace]\nmembers = ["low"]\n[dependencies]\nlow = { path = "low" }\n'),
      'low/Cargo.toml': manifest('low'),
      'low/build.rs': 'fn main() { println!("cargo::rustc-env=TEXT=text"); }\n',
      'low/src/lib.rs': 'pub const TEXT: &str = env!("TEXT");\n',
      'src/main.rs': 'fn main() { print!("{}", low::TEXT); }\n',
    });
    execFileSync('chown', ['-R', `${uid}:${uid}`, home]);
    fs.chmodSync(home, 0o700);
    fs.chmodSync(place.directory, 0o755);
  });

  test('builds, edits, cleans and builds; all that is made is theirs and can be removed', async () => {
    const first = await asUser('$D build; target/debug/mine');
    expect(first.code, first.stderr).toBe(0);
    expect(first.stdout).toBe('text');
    const owners = new Set<number>();
    for (const name of fs.readdirSync(home, { recursive: true }))
      owners.add(fs.lstatSync(path.join(home, String(name))).uid);
    expect([...owners]).toEqual([uid]);
    expect(fs.readdirSync(project.at('target/debug/incremental')).length).toBeGreaterThan(0);

    project.edit('src/main.rs', '{}', '<{}>');
    const edited = await asUser('$D build; target/debug/mine; $D explain');
    expect(edited.stdout).toBe('<text>`mine` (bin "mine"): built because src/main.rs changed\n');

    const cleaned = await asUser('cargo clean -q; test ! -e target; $D build; target/debug/mine; $D doctor >&2');
    expect(cleaned.code, cleaned.stderr).toBe(0);
    expect(cleaned.stdout).toBe('<text>');
    expect(cleaned.stderr).toMatch(/Finished/);

    const removed = await asUser('rm -rf target; test ! -e target; $D build -q; rm -r target; $D store >&2');
    expect(removed.code, removed.stderr).toBe(0);
  });

  test('records that cannot be read are made anew; where they lie cannot be read: an error of the store', async () => {
    const store = '$HOME/.local/share/drydock/nix/var/drydock';
    const built = await asUser(`$D build -q; chmod 000 ${store}/info/*/*; rm -r target; $D build; target/debug/mine`);
    expect([built.code, built.stdout], built.stderr).toEqual([0, '<text>']);
    const closed = await asUser(`chmod 000 ${store}/info; rm -r target; $D build || echo $?; chmod 700 ${store}/info`);
    expect([closed.stdout, closed.stderr]).toEqual(['101\n', expect.stringMatching(/error\[D0503\]: .*\n {2}store: /)]);
    expect((await asUser('$D build -q; target/debug/mine')).stdout).toBe('<text>');
  });

  test('Ctrl-C kills what runs, and nothing of it is left', async () => {
    const stopped = await asUser(
      'echo "#![allow(long_running_const_eval)] pub const N: u64 = { let mut i = 0; while i < 20_000_000 { i += 1; } i }; fn main() { print!(\\"{N}\\"); }" > src/main.rs; $D build 2>err & sleep 2; kill -INT $!; wait $! || echo $?; ps -u $(id -u) -o args= | grep -c "[r]ustc --crate" || :',
    );
    expect(stopped.stdout).toBe('130\n0\n');
    project.write({ 'src/main.rs': 'fn main() { print!("good"); }\n' });
    const next = await asUser('$D build -q; target/debug/mine');
    expect([next.stdout, next.stderr]).toEqual(['good', '']);
  });
});

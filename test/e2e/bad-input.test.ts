/** What can go wrong: told with a code or in cargo's words, and nothing is lost by it. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { manifest, Place, type Project, program } from './support.ts';

const place = new Place('bad');
const isRoot = process.getuid?.() === 0;
let project: Project;
beforeAll(async () => {
  project = place.project('bad', {
    'Cargo.toml': manifest('bad'),
    'src/lib.rs': 'pub fn n() -> u32 { 1 }\n',
    'src/main.rs': 'fn main() { print!("{}", bad::n()); }\n',
    'README.md': '# bad\n',
  });
  await project.good();
});

/** Runs shell lines in a mount namespace of their own; `$D` is drydock. */
async function inNamespace(lines: string) {
  const shell = `D='${process.execPath} ${program}'; ${lines}`;
  const ended = await project.run('unshare', ['-m', 'sh', '-c', shell]);
  expect(ended.stderr).not.toMatch(/node:internal|at .*\.mjs/);
  return ended;
}

describe('arguments', () => {
  test('a command that is not there', async () => {
    for (const args of [['buidl'], ['help', 'buidl'], ['buidl', '--help']]) {
      const ended = await project.drydock(args);
      expect([ended.code, ended.stderr]).toEqual([
        101,
        'error: no such command: `buidl`\n\nhelp: view all commands with `drydock help`\n',
      ]);
    }
  });

  test.each([
    [['--frobnicate']],
    [['--bin', 'nope']],
    [['--target', 'nope-unknown']],
    [['-p', 'nope']],
    [['--profile', 'nope']],
    [['--features', 'nope']],
    [['--message-format', 'nope']],
    [['-j', '0']],
    [['--manifest-path', 'nope/Cargo.toml']],
  ])('%j: cargo says why, with its exit code', async (args) => {
    const [ours, cargos] = await Promise.all([
      project.drydock(['build', ...args]),
      project.cargo(['build', ...args], { CARGO_TARGET_DIR: project.at('theirs') }),
    ]);
    expect(ours.stderr).toBe(cargos.stderr);
    expect(ours.code).toBe(cargos.code);
    expect(ours.code).not.toBe(0);
  });

  test('help and version', async () => {
    for (const args of [['-V'], ['--version', 'build']])
      expect((await project.drydock(args)).stdout).toMatch(/^drydock [^\n]*\n$/);
    const whole = await project.drydock(['-vV']);
    expect(whole.stdout.replace(/^drydock .*\n/, '')).toBe((await project.cargo(['-vV'])).stdout);
    for (const args of [['--explain'], ['--explain', 'E0308'], ['--explain=E0001', 'build']]) {
      expect(await project.drydock(args)).toEqual(await project.cargo(args));
    }
    expect((await project.drydock(['--list'])).stdout).toMatch(/^Installed Commands:\n( {4}[a-z-]+ +\S.*\n)+$/);
    expect((await project.drydock(['--version'])).stdout).toMatch(/^drydock \d+\.\d+\.\d+\n$/);
    expect((await project.drydock(['help', 'build'])).stdout).toContain('Usage: cargo drydock build [OPTIONS]');
    expect((await project.drydock(['show-derivation'])).stderr).toContain('error[D0801]');
    expect((await project.drydock(['show-derivation', 'nope'])).stderr).toContain('error[D0802]');
    expect((await project.drydock(['store', 'nope'])).stderr).toContain('error[D0804]');
  });

  test('a reader that goes away is no crash', async () => {
    const ended = await project.run('sh', ['-c', `${process.execPath} ${program} plan --json | head -c 1`]);
    expect(ended.stdout).toBe('[');
    expect(ended.stderr).toBe('');
  });
});

describe('manifests and lock files', () => {
  test('a manifest that does not parse, a lock file that --locked may not change, a crate that nobody has', async () => {
    const other = place.project('other', {
      'Cargo.toml': `${manifest('other')}\n[[[\n`,
      'src/main.rs': 'fn main() {}\n',
    });
    const same = async (args: readonly string[]) => {
      const [ours, cargos] = [await other.drydock(args), await other.cargo([...args, '--target-dir', 'theirs'])];
      expect(ours.stderr).toBe(cargos.stderr);
      expect([ours.code, cargos.code]).toEqual([101, 101]);
    };
    await same(['build']);
    other.write({ 'Cargo.toml': manifest('other') });
    await same(['build', '--locked']);
    other.write({ 'Cargo.toml': manifest('other', '[dependencies]\nnobody-has-this = "1"\n') });
    await same(['build', '--offline']);
    expect(other.exists('Cargo.lock')).toBe(false);
    other.write({ 'Cargo.toml': manifest('other') });
    await other.good();
    await other.good(['--locked']);
  });
});

describe('errors in sources', () => {
  test('a misspelt name, or a symbol that the linker misses, does not make the unit depend on more than it reads', async () => {
    const good = project.read('src/main.rs');
    project.write({ 'src/main.rs': 'fn main() { nowhere(); }\n' });
    expect((await project.build()).code).toBe(101);
    project.write({
      'src/main.rs':
        'extern "C" { fn no_such_symbol_anywhere(); }\nfn main() { unsafe { no_such_symbol_anywhere() } }\n',
    });
    const unlinked = await project.build();
    expect(unlinked.code).toBe(101);
    expect(unlinked.stderr).toContain('undefined symbol: no_such_symbol_anywhere');
    project.write({ 'src/main.rs': good.replace('{}', '<{}>') });
    expect((await project.good()).compiled).toEqual(['bad (bin)']);
    project.write({ 'README.md': '# changed\n', 'more.txt': '' });
    expect((await project.good()).compiled).toEqual([]);
    project.write({ 'src/main.rs': good });
    await project.good();
  });

  test('links among the files of a package are read through', async () => {
    const linked = place.project('linked', {
      'Cargo.toml': manifest('linked'),
      'build.rs':
        'fn main() { println!("cargo::rustc-env=TEXT={}", std::fs::read_to_string("text.txt").unwrap().trim()); }\n',
      'src/main.rs': 'fn main() { print!("{}", env!("TEXT")); }\n',
      'real.txt': 'through\n',
    });
    fs.symlinkSync('real.txt', linked.at('text.txt'));
    fs.symlinkSync('/usr/bin/env', linked.at('tool'));
    await linked.good();
    expect(await linked.says('linked')).toBe('through');
  });
});

describe('the machine', () => {
  test('a toolchain that is too old', async () => {
    // An old release is no part of a machine: this one says that it is one.
    const sysroot = execFileSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8' }).trim();
    const old = path.join(place.directory, 'old/bin');
    fs.mkdirSync(old, { recursive: true });
    fs.symlinkSync(path.join(sysroot, 'bin/cargo'), path.join(old, 'cargo'));
    const script = `#!/bin/sh\n'${sysroot}/bin/rustc' "$@" | sed 's/1\\.[0-9]*\\.[0-9]* (/1.65.0 (/; s/^release: .*/release: 1.65.0/'\n`;
    fs.writeFileSync(path.join(old, 'rustc'), script, { mode: 0o755 });
    const ancient = place.project('ancient', { 'Cargo.toml': manifest('ancient'), 'src/main.rs': 'fn main() {}\n' });
    const ended = await ancient.drydock(['build'], { PATH: `${old}:${process.env['PATH']}` });
    expect(ended.code).toBe(101);
    expect(ended.stderr).toMatch(/^error\[D0104\]: this toolchain is too old: rustc 1\.65\.0\n {2}to do: /);
  });

  test('records of the store that are damaged are made anew', async () => {
    const records = path.join(place.store, 'nix/var/drydock/info');
    for (const [index, text] of ['garbage', ''].entries()) {
      for (const lane of ['dev', 'pure']) {
        for (const name of fs.readdirSync(path.join(records, lane))) {
          const file = path.join(records, lane, name);
          fs.rmSync(file);
          if (index === 0) fs.writeFileSync(file, text);
        }
      }
      project.remove('target');
      expect((await project.good()).compiled).toEqual(['bad (bin)', 'bad (lib)']);
      expect(await project.says('bad')).toBe('1');
    }
  });

  test('the name of the owner is damaged, or a directory lies where a file has to be', async () => {
    const scope = path.join(place.store, 'nix/var/drydock/scope');
    for (const text of ['', 'garbage']) {
      fs.writeFileSync(scope, text);
      project.remove('target');
      // The owner has another name from now on, so everything of the dev lane is built.
      expect((await project.good()).compiled).toEqual(['bad (bin)', 'bad (lib)']);
    }
    fs.rmSync(scope);
    fs.mkdirSync(scope);
    project.remove('target');
    const ended = await project.build();
    expect([ended.code, ended.stderr]).toEqual([
      101,
      expect.stringMatching(/^error\[D1003\]: .*\n {2}because: EISDIR: .*scope'\n {2}to do: /),
    ]);
    fs.rmdirSync(scope);
    await project.good();
  });

  test('a cache directory that is none, or that is named by a relative path, which counts as not set', async () => {
    const home = path.join(place.directory, 'elsewhere');
    fs.mkdirSync(home);
    for (const XDG_CACHE_HOME of [project.at('Cargo.toml'), 'relative']) {
      const built = await project.good([], { XDG_CACHE_HOME, HOME: home });
      expect([built.code, built.stderr]).toEqual([0, expect.stringContaining('Finished')]);
    }
    expect(project.exists('relative')).toBe(false);
    expect(fs.existsSync(path.join(home, '.cache/drydock/sources'))).toBe(true);
  });

  test.runIf(isRoot)('no bubblewrap', async () => {
    project.edit('src/main.rs', '{}', '[{}]');
    const ended = await inNamespace('mount --bind /dev/null "$(command -v bwrap)"; $D build; echo $?');
    expect(ended.stdout).toBe('101\n');
    expect(ended.stderr).toMatch(/error\[D0301\]: bubblewrap is not installed.*\n {2}to do: .*apt install bubblewrap/);
    await project.good();
    expect(await project.says('bad')).toBe('[1]');
  });

  test.runIf(isRoot)('a store whose disk is full: an error, and the build succeeds once there is room', async () => {
    const tiny = path.join(place.directory, 'tiny');
    fs.mkdirSync(tiny);
    const ended = await inNamespace(
      [
        `mount -t tmpfs -o size=64k tmpfs ${tiny}`,
        `$D build --store ${tiny}; echo $?`,
        `mount -o remount,size=200M ${tiny}`,
        `$D build --store ${tiny}; echo $?; ls ${tiny}/nix/var/drydock/work | wc -l; target/debug/bad`,
      ].join('\n'),
    );
    expect(ended.stderr).toMatch(/error\[D0502\]: the file system of the store is full/);
    expect(ended.stdout).toBe('101\n0\n0\n[1]');
  });

  test.runIf(isRoot)('a target directory whose disk is full, or that cannot be written', async () => {
    project.remove('target');
    fs.mkdirSync(project.at('target'));
    const full = await inNamespace(
      'mount -t tmpfs -o size=100k tmpfs target; $D build; echo $?; mount -o remount,size=200M target; $D build; echo $?; target/debug/bad',
    );
    expect(full.stderr).toMatch(/error\[D1001\]: a file system is full\n {2}because: ENOSPC/);
    expect(full.stdout).toBe('101\n0\n[1]');
    const readOnly = await inNamespace(
      'mount -t tmpfs -o ro tmpfs target; $D build; echo $?; umount target; $D build; echo $?',
    );
    expect(readOnly.stderr).toMatch(/error\[D1002\]: .*\n {2}because: EROFS/);
    expect(readOnly.stdout).toBe('101\n0\n');
    expect(await project.says('bad')).toBe('[1]');
  });
});

test('a write through a file of target/ never stays in the store', async () => {
  const name = fs.readdirSync(project.at('target/debug/deps')).find((one) => /^libbad-.*\.rlib$/.test(one)) ?? '';
  const file = project.at(`target/debug/deps/${name}`);
  fs.chmodSync(file, 0o644);
  fs.appendFileSync(file, 'spoiled');
  const verified = await project.drydock(['store', 'verify']);
  expect(verified.code).toBe(1);
  expect(verified.stdout).toMatch(/\/nix\/store\/\S+-bad-0\.1\.0-\S+: /);
  expect((await project.good()).compiled).toContain('bad (lib)');
  expect((await project.drydock(['store', 'verify'])).code).toBe(0);
  expect(fs.readFileSync(file).includes('spoiled')).toBe(false);
  expect(await project.says('bad')).toBe('[1]');
});

test('a kernel that grants no user namespaces: the build says so, and so does doctor, also to root', async () => {
  const project = place.project('no-namespaces', { 'Cargo.toml': manifest('none'), 'src/lib.rs': '' });
  const without = (...args: string[]) =>
    project.run('unshare', [
      ...['--user', '--map-root-user', 'sh', '-c', 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"', 'sh'],
      ...[process.execPath, program, ...args],
    ]);
  const built = await without('build');
  expect(built.stderr).toContain('error[D0303]');
  expect(built.code).toBe(101);
  const looked = await without('doctor');
  expect(looked.stdout).toContain('no sandbox can be made');
  expect(looked.code).toBe(1);
});

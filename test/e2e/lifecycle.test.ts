/** `cargo clean`, several builds at once, and builds that do not come to their end. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { manifest, Place, type Project, until } from './support.ts';

const place = new Place('lifecycle');

/** Takes rustc about 20 s in a constant, unless it is stopped. */
const slow = `pub const N: u64 = { let mut n = 0; let mut i = 0; while i < 20_000_000 { n += i; i += 1; } n };`;
const lints = '#![allow(long_running_const_eval)]\n';

/** Processes in sandboxes that hold `text` in their arguments or environment. */
function processesOf(text: string): number[] {
  return fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        return ['cmdline', 'environ'].some((file) => fs.readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(text));
      } catch {
        return false;
      }
    });
}

function incremental(project: Project, profile = 'debug'): string[] {
  const directory = project.at(`target/${profile}/incremental`);
  return fs.existsSync(directory) ? fs.readdirSync(directory).filter((name) => !name.endsWith('.lock')) : [];
}

/** What the store keeps of its own while nobody works with it. */
function leftovers(): string[] {
  return fs.readdirSync(path.join(place.store, 'nix/var/drydock/work'));
}

describe('cargo clean', () => {
  let project: Project;
  beforeAll(async () => {
    project = place.project('cleaned', {
      'Cargo.toml':
        '[workspace]\nmembers = ["low"]\n' + manifest('cleaned', '[dependencies]\nlow = { path = "low" }\n'),
      'low/Cargo.toml': manifest('low'),
      'low/src/lib.rs': 'pub fn n() -> u32 { 1 }\n',
      'src/main.rs': 'fn main() { print!("{}", low::n()); }\n',
    });
    await project.good();
    await project.good(['--release']);
  });

  test('state of the compiler lies in target/debug/incremental and belongs to the user; release has none', () => {
    const names = incremental(project);
    expect(names.map((name) => name.replace(/-[0-9a-f]{16}$/, '')).sort()).toEqual(['cleaned', 'low']);
    for (const name of names) {
      const directory = project.at(`target/debug/incremental/${name}`);
      expect(fs.statSync(directory).uid).toBe(process.getuid?.());
      expect(fs.readdirSync(directory, { recursive: true }).length).toBeGreaterThan(2);
    }
    expect(incremental(project, 'release')).toEqual([]);
  });

  test('removes everything; the next build has it back from the store', async () => {
    const cleaned = await project.cargo(['clean']);
    expect(cleaned.code, cleaned.stderr).toBe(0);
    expect(project.exists('target')).toBe(false);
    const again = await project.good();
    expect(again.compiled).toEqual([]);
    expect(await project.says('cleaned')).toBe('1');
  });

  test('-p takes one package away, and the next build is right', async () => {
    const cleaned = await project.cargo(['clean', '-p', 'low']);
    expect(cleaned.code, cleaned.stderr).toBe(0);
    expect(fs.readdirSync(project.at('target/debug/deps')).filter((name) => /^(lib)?low-/.test(name))).toEqual([]);
    await project.good();
    project.edit('low/src/lib.rs', '1', '2');
    expect((await project.good()).compiled).toEqual(['cleaned (bin)', 'low (lib)']);
    expect(await project.says('cleaned')).toBe('2');
  });

  test('--release leaves what is not of that profile', async () => {
    await project.good(['--release']);
    const cleaned = await project.cargo(['clean', '--release']);
    expect(cleaned.code, cleaned.stderr).toBe(0);
    expect(project.exists('target/debug/cleaned')).toBe(true);
    expect(project.exists('target/release')).toBe(false);
    await project.good(['--release']);
    expect((await project.run(project.at('target/release/cleaned'), [])).stdout).toBe('2');
  });

  test('a build leaves no files of its own work in the store, and the derivations of what it built', async () => {
    expect(leftovers()).toEqual([]);
    const rows = JSON.parse((await project.drydock(['plan', '--json'])).stdout) as { drvPath: string }[];
    for (const { drvPath } of rows) {
      expect(fs.readFileSync(path.join(place.store, drvPath), 'utf8')).toMatch(/^Derive\(\[\("out",/);
    }
  });
});

describe('builds at the same time', () => {
  test('of one project: both succeed, nothing is built twice', async () => {
    const project = place.project('together', {
      'Cargo.toml': manifest('together'),
      'src/lib.rs': 'pub fn n() -> u32 { 1 }\n',
      'src/main.rs': 'fn main() { print!("{}", together::n()); }\n',
    });
    const [one, other] = await Promise.all([project.good(), project.good()]);
    expect([...one.compiled, ...other.compiled].sort()).toEqual(['together (bin)', 'together (lib)']);
    expect(one.stderr + other.stderr).toMatch(/Blocking waiting for file lock on (artifact|build) directory/);
    expect(await project.says('together')).toBe('1');
  });

  test('of two projects that share a git dependency: it is built once', async () => {
    const shared = place.project('shared-git', {
      'Cargo.toml': manifest('shared'),
      'src/lib.rs': `pub fn n() -> u32 { ${Array.from({ length: 300 }, (_, i) => `f${i}()`).join(' + ')} }\n${Array.from({ length: 300 }, (_, i) => `fn f${i}() -> u32 { ${i} }`).join('\n')}\n`,
    });
    for (const args of [
      ['init', '-q'],
      ['add', '.'],
      ['-c', 'user.name=t', '-c', 'user.email=t@example.org', 'commit', '-qm', 'first'],
    ]) {
      expect((await shared.run('git', args)).code).toBe(0);
    }
    const projects = ['left', 'right'].map((name) =>
      place.project(name, {
        'Cargo.toml': manifest(name, `[dependencies]\nshared = { git = "file://${shared.root}" }\n`),
        'src/main.rs': 'fn main() { print!("{}", shared::n()); }\n',
      }),
    );
    const built = await Promise.all(projects.map((project) => project.good()));
    const compiled = built.flatMap((one) => one.compiled);
    expect(compiled.filter((name) => name === 'shared (lib)').length).toBe(1);
    expect(compiled.filter((name) => name !== 'shared (lib)').sort()).toEqual(['left (bin)', 'right (bin)']);
    for (const [index, project] of projects.entries()) {
      expect(await project.says(index === 0 ? 'left' : 'right')).toBe('44850');
    }
  });
});

/** Starts a build that would take long and waits until rustc runs in it. */
async function inTheMiddle(project: Project, args: readonly string[] = []) {
  const running = project.start(['build', ...args]);
  const started = await until(() => running.stderr.includes('Compiling') && processesOf(project.root).length > 0);
  expect(started, running.stderr).toBe(true);
  // The compiler is past its beginning.
  await new Promise((resolve) => {
    setTimeout(resolve, 600);
  });
  return running;
}

describe.each([
  ['at opt-level 0 state of a killed compiler is used on', '', false],
  [
    'at opt-level 1 state of a killed compiler is dropped, and one line says so',
    '[profile.dev]\nopt-level = 1\n',
    true,
  ],
] as const)('%s', (title, profile, dropped) => {
  const name = dropped ? 'optimised' : 'plain';
  const good = `${lints}pub const N: u64 = 1;\nfn main() { print!("{N}"); }\n`;
  let project: Project;
  beforeAll(async () => {
    project = place.project(name, {
      'Cargo.toml': manifest(name, profile),
      'src/main.rs': good,
    });
    await project.good();
  });

  test.each([
    ['SIGINT', 2],
    ['SIGTERM', 3],
    ['SIGKILL', 4],
  ] as const)('%s', async (signal, n) => {
    const state = incremental(project);
    expect(state).toHaveLength(1);
    project.write({ 'src/main.rs': `${lints}${slow}\nfn main() { print!("{N}"); }\n` });
    const running = await inTheMiddle(project);
    const begun = Date.now();
    running.child.kill(signal);
    const ended = await running.ended;
    expect(ended.signal).toBe(signal);
    expect(Date.now() - begun).toBeLessThan(5000);
    expect(await until(() => processesOf(project.root).length === 0, 5), title).toBe(true);

    project.write({ 'src/main.rs': good.replace('u64 = 1', `u64 = ${n}`) });
    const next = await project.good();
    expect(next.compiled).toEqual([`${name} (bin)`]);
    expect(await project.says(name)).toBe(String(n));
    const told = 'was left by a build that did not end; it is dropped';
    if (dropped) expect(next.stderr).toContain(told);
    else expect(next.stderr).not.toContain(told);
    expect(leftovers()).toEqual([]);
  });
});

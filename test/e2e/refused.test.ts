/** What drydock refuses in words of its own where cargo has not refused it: each code once, as one comes to it. */
import { execFileSync, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { expect, test } from 'vitest';
import { manifest, Place, type Ended, until } from './support.ts';

const place = new Place('refused');

function hello(name: string, more: Readonly<Record<string, string>> = {}) {
  return place.project(name, { 'Cargo.toml': manifest(name), 'src/main.rs': 'fn main() {}\n', ...more });
}

/** How it ended, and the error's first line. */
function told({ code, stderr }: Ended): readonly [number | null, string] {
  return [code, /^error\[.*$/m.exec(stderr)?.[0] ?? stderr];
}

test('a rustc that answers nobody but cargo', async () => {
  const project = hello('rustc', {
    bin: '#!/bin/sh\ncase "$*" in -vV | *split-debuginfo*) exec rustc "$@" ;; esac\necho only for cargo >&2\nexit 1\n',
  });
  const rustc = project.at('bin');
  fs.chmodSync(rustc, 0o755);
  expect((await project.cargo(['metadata', '--format-version=1'], { RUSTC: rustc })).code).toBe(0);
  const ended = await project.drydock(['build'], { RUSTC: rustc });
  expect(told(ended)).toEqual([101, `error[D0102]: \`${rustc}\` cannot be used: only for cargo`]);
});

test('a cargo that cannot be started', async () => {
  const project = hello('cargo', { 'bin/cargo': '#!/nowhere\n' });
  fs.chmodSync(project.at('bin/cargo'), 0o755);
  const ended = await project.drydock(['build'], { PATH: `${project.at('bin')}:${place.environment['PATH'] ?? ''}` });
  expect(told(ended)).toEqual([
    101,
    expect.stringMatching(/^error\[D0103\]: `.*bin\/cargo` cannot be started: .*ENOENT/),
  ]);
});

test('two runners by cfg, for what is run', async () => {
  const project = hello('runners', {
    '.cargo/config.toml': "[target.'cfg(unix)']\nrunner = 'env'\n[target.'cfg(not(windows))']\nrunner = 'nice'\n",
  });
  expect((await project.cargo(['run'])).stderr).toMatch(/several matching instances of `target.'cfg\(..\)'.runner`/);
  expect(told(await project.drydock(['run']))).toEqual([
    101,
    "error[D0111]: several matching instances of `target.'cfg(..)'.runner` in the configuration: `cfg(not(windows))` and `cfg(unix)`",
  ]);
});

test('a file that describes a platform', async () => {
  const project = hello('platform');
  const words = ['-Z', 'unstable-options', '--print', 'target-spec-json'];
  const environment = { ...place.environment, RUSTC_BOOTSTRAP: '1' };
  const builtIn = execFileSync('rustc', words, { encoding: 'utf8', env: environment });
  project.write({ 'mine.json': builtIn.replace('"is-builtin": true', '"is-builtin": false') });
  const args = ['build', '-Z', 'json-target-spec', '--target', 'mine.json'];
  expect(told(await project.drydock(args, { RUSTC_BOOTSTRAP: '1' }))).toEqual([
    101,
    `error[D0704]: ${project.at('mine.json')} describes a platform of its own, and a sandbox does not show it to rustc`,
  ]);
});

test('a file that somebody writes all the time', async () => {
  const project = hello('restless', {
    'src/main.rs': 'fn main() { print!("{}", include_bytes!("large").len()); }\n',
    // More than is kept from the first reading.
    'src/large': 'x'.repeat(80_000_000),
  });
  const writer = `const fs = require('fs'); const fd = fs.openSync('src/large', 'r+');
    for (let n = 0; ; n++) fs.writeSync(fd, String(n), 0);`;
  const writing = spawn(process.execPath, ['-e', writer], { cwd: project.root, stdio: 'inherit' });
  try {
    const { mtimeMs } = fs.statSync(project.at('src/large'));
    expect(await until(() => fs.statSync(project.at('src/large')).mtimeMs > mtimeMs)).toBe(true);
    expect(told(await project.build())).toEqual([
      101,
      `error[D0406]: ${project.at('src/large')} changes all the time: it was different each time it was read`,
    ]);
  } finally {
    writing.kill();
  }
  await project.good();
});

test('the store while a build uses it', async () => {
  const project = hello('busy', {
    'build.rs': 'fn main() { std::thread::sleep(std::time::Duration::from_secs(3)); }\n',
  });
  const building = project.start(['build', '-v']);
  expect(await until(() => building.stderr.includes('build-script-build`'))).toBe(true);
  expect(told(await project.drydock(['gc']))).toEqual([
    101,
    expect.stringMatching(/^error\[D0803\]: a build is using the store /),
  ]);
  expect((await building.ended).code).toBe(0);
  expect((await project.drydock(['gc'])).code).toBe(0);
});

/** Programs around rustc: run in the sandbox as cargo runs them, and part of what a unit is built from. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { manifest, Place, type Project } from './support.ts';

const place = new Place('wrappers');

const echoing = (name: string) => `#!/bin/sh\necho "${name}: $*" | cut -c1-60 >&2\nexec "$@"\n`;

let project: Project;
beforeAll(() => {
  project = place.project('wrapped', {
    'Cargo.toml': manifest('top', '[workspace]\n[dependencies]\nouter = { path = "../outer" }\n'),
    'build.rs': `fn main() {
      println!("cargo::rerun-if-changed=build.rs");
      println!("cargo::rustc-env=OUTER={}", std::env::var("RUSTC_WRAPPER").is_ok());
      println!("cargo::rustc-env=INNER={}", std::env::var("RUSTC_WORKSPACE_WRAPPER").is_ok());
    }`,
    'src/main.rs': 'fn main() { println!("{} {} {}", outer::f(), env!("OUTER"), env!("INNER")); }\n',
    'outer.sh': echoing('outer'),
    'tools/inner.sh': echoing('inner'),
  });
  place.project('outer', { 'Cargo.toml': manifest('outer'), 'src/lib.rs': 'pub fn f() -> u32 { 7 }\n' });
  for (const name of ['outer.sh', 'tools/inner.sh']) fs.chmodSync(project.at(name), 0o755);
});

/** What was said and run, without identities, directories of incremental state and times. */
function normal(text: string): string[] {
  return text
    .replace(/ in [\d.]+s$/gm, '')
    .replace(/ -C (metadata|incremental)=[^ `]+/g, '')
    .replace(/ --diagnostic-width=\d+/g, '')
    .replace(/-[0-9a-f]{16}/g, '-ID')
    .replace(/^(outer|inner): \S*?(tools\/inner\.sh|rustc)\b.*$/gm, '$1: $2')
    .split('\n')
    .filter((line) => !/Locking|-vV|--crate-name ___/.test(line))
    .sort();
}

test('both wrappers, nested as cargo nests them, by relative path and by PATH', { timeout: 120_000 }, async () => {
  const environments = [
    { RUSTC_WRAPPER: './outer.sh' },
    { RUSTC_WORKSPACE_WRAPPER: project.at('tools/inner.sh') },
    {
      RUSTC_WRAPPER: project.at('outer.sh'),
      RUSTC_WORKSPACE_WRAPPER: 'inner.sh',
      PATH: `${project.at('tools')}:${process.env['PATH']}`,
    },
  ];
  for (const [number, environment] of environments.entries()) {
    // Other contents each time, so that no result of the last round is known.
    fs.appendFileSync(project.at('outer.sh'), `# ${number}\n`);
    fs.appendFileSync(project.at('tools/inner.sh'), `# ${number}\n`);
    const theirs = await project.cargo(['build', '-v', '-j1', '--target-dir', 'target'], environment);
    const theirBinary = await project.says('top');
    project.remove('target');
    const ours = await project.drydock(['build', '-v', '-j1'], environment);
    expect([theirs.code, ours.code]).toEqual([0, 0]);
    const commands = (text: string) => normal(text).filter((line) => /Running|Compiling/.test(line));
    expect(commands(ours.stderr)).toEqual(commands(theirs.stderr));
    expect(await project.says('top')).toBe(theirBinary);
    if ('RUSTC_WRAPPER' in environment) expect(ours.stderr).toMatch(/^outer: /m);
    if ('RUSTC_WORKSPACE_WRAPPER' in environment) expect(ours.stderr).toMatch(/^inner: /m);
    project.remove('target');
  }
});

test('another wrapper builds again what it is around; the same builds nothing', { timeout: 60_000 }, async () => {
  const environment = { RUSTC_WORKSPACE_WRAPPER: './tools/inner.sh' };
  await project.good([], environment);
  expect((await project.good([], environment)).compiled).toEqual([]);
  project.edit('tools/inner.sh', 'inner:', 'changed:');
  const built = await project.build([], environment);
  expect(built.compiled).toEqual(['build-script-build (custom-build)', 'top (bin)']);
  expect(built.stderr).toMatch(/^changed: /m);
  expect((await project.good([], environment)).compiled).toEqual([]);
});

test('a rustc that calls the one of the toolchain', { timeout: 60_000 }, async () => {
  project.write({ 'own-rustc': '#!/bin/sh\nexec rustc "$@"\n' });
  fs.chmodSync(project.at('own-rustc'), 0o755);
  const built = await project.drydock(['build', '-v'], { RUSTC: './own-rustc' });
  expect(built.stderr).toContain(`Running \`${project.at('./')}./own-rustc --crate-name top`);
  expect(built.code).toBe(0);
});

test('a wrapper that needs more than its file says so itself', { timeout: 60_000 }, async () => {
  project.write({ 'needy.sh': `#!/bin/sh\n. ${project.at('missing-here.sh')}\nexec "$@"\n`, 'missing-here.sh': '' });
  fs.chmodSync(project.at('needy.sh'), 0o755);
  expect((await project.cargo(['build'], { RUSTC_WRAPPER: './needy.sh' })).code).toBe(0);
  const built = await project.drydock(['build'], { RUSTC_WRAPPER: './needy.sh' });
  expect(built.code).toBe(101);
  expect(built.stderr).toContain(project.at('missing-here.sh'));
  expect(execFileSync('find', ['target', '-name', 'missing*'], { cwd: project.root }).toString()).toBe('');
});

/** `drydock mount -- nix build` on an export: rustc's state is the developer's own `target/debug/incremental`. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Launch } from '../daemon/daemon.ts';
import { type RustProject, openRustLab } from './rust.ts';
import { type Lab, type User, run } from './support.ts';

export function exportHookSuite(launch: Launch): void {
  let lab: Lab;
  let user: User;
  let project: RustProject;

  beforeAll(async () => {
    ({ lab, user, project } = await openRustLab(launch));
  });
  afterAll(() => lab.remove());

  /** Reads a file at the real path while it is compiled. */
  const program = (answer: number) =>
    `const _: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/main.rs"));
fn main() { println!("{}", answer()); }\nfn answer() -> u32 { ${answer} }\n#[allow(dead_code)]\nfn other() {}\n`;

  test('the export’s plain command, with the mount', () => {
    project.write(program(1));
    // Puts the toolchain into the store, too.
    const pure = project.drydock('build', '--engine', 'nix', '--pure');
    expect(pure.code, pure.stderr).toBe(0);
    expect(project.drydock('export', 'nix').code).toBe(0);
    const build = () => {
      const words = ['nix', 'build', '--file', 'nix/cargo_build_caller.nix', 'target', '-L'];
      const ended = project.drydock('mount', '--', ...words);
      expect(ended.code, ended.stderr).toBe(0);
      const result = run('readlink', [path.join(project.directory, 'result')]).trim();
      const binary = run('readlink', [`${lab.daemon.address.root}${result}/debug/counted`]).trim();
      return run(lab.daemon.address.root + binary, []);
    };
    expect(build()).toBe('1\n');
    const [before = ''] = project.sessions();
    expect(statSync(before).uid).toBe(user.uid);
    project.write(program(2));
    expect(build()).toBe('2\n');
    // The derivation is drydock's own.
    const rows = JSON.parse(project.drydock('plan', '--json').stdout) as { outPath: string }[];
    expect(rows.map(({ outPath }) => existsSync(lab.daemon.address.root + outPath))).toEqual(rows.map(() => true));
    // rustc has read the first session, and made another.
    expect(project.keptOf(before).length).toBeGreaterThan(0);
    expect(lab.daemon.log()).not.toContain('no cache mount');
    // The mark of a clean end: none.
    const locks = run('find', [
      path.join(project.directory, 'target/debug/incremental'),
      '-maxdepth',
      '1',
      '-name',
      '*.lock',
    ]);
    for (const lock of locks.trim().split('\n')) expect(readFileSync(lock, 'utf8')).toBe('');
  });
}

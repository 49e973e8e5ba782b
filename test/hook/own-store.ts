/** A store of the user's own, without daemon and hook: rustc's state is their own `target/…/incremental` there, too. */
import { readdirSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Launch } from '../daemon/daemon.ts';
import { makeProject } from './rust.ts';
import { type Lab, openLab, run } from './support.ts';

export function ownStoreSuite(launch: Launch): void {
  let lab: Lab;
  beforeAll(async () => {
    lab = await openLab(launch);
  });
  afterAll(() => lab.remove());

  test('an edit is compiled with the state of the build before', () => {
    const [user] = lab.users;
    const project = makeProject(lab, user, path.join(user.home, 'store'));
    const build = (number: number) => {
      project.writeLibrary(`pub fn number() -> u32 { ${number} }\n`);
      const built = project.drydock('build', '--engine', 'nix');
      expect(built.code, built.stderr).toBe(0);
      expect(built.stderr).not.toContain('without incremental state');
      expect(run(path.join(project.directory, 'target/debug/counted'), [])).toBe(`${number}\n`);
    };
    // The macro opens a file at the real path.
    project.write(
      'const _: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/main.rs"));\nmod other { pub fn f() {} }\nfn main() { other::f(); println!("{}", counted::number()); }\n',
    );
    build(1);
    const inStore = readdirSync(path.join(user.home, 'store/nix/store'));
    expect(inStore.some((name) => name.includes('counted-1.0.0'))).toBe(true);
    build(2);
    expect(statSync(project.sessions()[0] ?? '').uid).toBe(user.uid);
    const state = path.join(project.directory, 'target/debug/incremental');
    const objects = readdirSync(state, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.o'));
    expect(objects.filter((name) => statSync(path.join(state, name)).nlink > 1).length).toBeGreaterThan(0);
  });
}

/** The oracle on real workspaces: minutes each, so they are no part of `npm test`. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { differences, differencesOfRuns } from '../oracle/compare.ts';
import { callerEnvironment, cargoCommands, drydockCommands, type Project } from '../oracle/project.ts';
import { planOf } from '../plan/support.ts';

const directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'drydock-slow-')));
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

/** Lays a workspace out with the scripts that do so for measurements; returns its directory. */
function laid(name: string, module: string, code: string): string {
  const root = path.join(directory, name);
  const url = new URL(module, import.meta.url).href;
  execFileSync(process.execPath, ['--input-type=module', '-e', `import * as lib from '${url}';\n${code}`, root], {
    stdio: 'inherit',
  });
  return root;
}

const ripgrep = (name: string): string =>
  laid(
    name,
    '../../scripts/crates.mjs',
    "const dir = process.argv[1]; const [crate] = lib.fetchCrates([['ripgrep', '14.1.1']], `${dir}.ask`); lib.unpackCrate(crate, dir);",
  );

const workspaces: readonly (readonly [name: string, args: readonly string[], lay: () => string])[] = [
  ['ripgrep', [], () => ripgrep('ripgrep')],
  ['ripgrep, all targets, optimised', ['--all-targets', '--release'], () => ripgrep('ripgrep-all')],
  ['the fixture', ['--locked'], fixture],
];

/** Its build script says which commit git knows: a sandbox shows no repository, so there is none for cargo either. */
function fixture(): string {
  const root = laid('fixture', '../../bench/fixture.mjs', 'lib.layFixture(process.argv[1]);');
  fs.rmSync(path.join(root, '.git'), { recursive: true });
  return root;
}

test.each(workspaces)('plans and runs what cargo runs: %s', async (name, args, lay) => {
  const project: Project = { root: lay(), environment: {}, remove: () => undefined };
  const cargo = cargoCommands(project, args);
  const { workspace, plan } = await planOf(project.root, ['build', '-vv', ...args], callerEnvironment());
  expect(differences(workspace, plan, cargo)).toEqual([]);
  const drydock = drydockCommands(project, args, path.join(directory, 'store', name));
  expect(differencesOfRuns(workspace, drydock, cargo)).toEqual([]);
});

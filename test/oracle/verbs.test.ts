/** What `check` and `test` compile, held against cargo's. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { planOf } from '../plan/support.ts';
import { cases } from './cases.ts';
import { differences, differencesOfRuns } from './compare.ts';
import { callerEnvironment, cargoCommands, drydockCommands, makeProject, type Project } from './project.ts';

const projects: Project[] = [];
const stores = fs.mkdtempSync(path.join(os.tmpdir(), 'drydock-oracle-store-'));
afterAll(() => {
  for (const project of projects) project.remove();
  fs.rmSync(stores, { recursive: true, force: true });
});

const chosen = cases.filter(({ name }) =>
  /^(links and DEP_|procedural macros|panic = abort|fat LTO of tests|the host triple|examples, tests)/.test(name),
);
const usual = [
  { verb: 'check', more: ['--all-targets'] },
  { verb: 'test', more: ['--no-run'] },
];
const further = [
  { verb: 'check', more: ['--tests'] },
  { verb: 'bench', more: ['--no-run'] },
];
const both = chosen.flatMap((one) => {
  const verbs = one.name.startsWith('examples, tests') ? [...usual, ...further] : usual;
  return verbs.map((verb) => ({ ...one, ...verb }));
});

test.each(both)('$verb $more: $name', async ({ files, environment, arguments: args, verb, more }) => {
  const project = makeProject(files, environment);
  projects.push(project);
  // `bench` has a profile of its own.
  const words = [
    ...args.filter((word) => word !== '--all-targets' && !(verb === 'bench' && word === '--release')),
    ...more,
  ];
  const cargo = cargoCommands(project, words, verb);
  const caller = { ...callerEnvironment(), ...project.environment };
  const { workspace, plan } = await planOf(project.root, [verb, '-vv', ...words], caller);
  expect(differences(workspace, plan, cargo)).toEqual([]);
  const drydock = drydockCommands(project, words, path.join(stores, path.basename(project.root)), verb);
  expect(differencesOfRuns(workspace, drydock, cargo)).toEqual([]);
});

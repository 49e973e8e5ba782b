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

test.each(cases)('plans and runs what cargo runs: $name', async ({ files, environment, arguments: args }) => {
  const project = makeProject(files, environment);
  projects.push(project);
  const cargo = cargoCommands(project, args);
  const caller = { ...callerEnvironment(), ...project.environment };
  const { workspace, plan } = await planOf(project.root, ['build', '-vv', ...args], caller);
  expect(differences(workspace, plan, cargo)).toEqual([]);
  const drydock = drydockCommands(project, args, path.join(stores, path.basename(project.root)));
  expect(differencesOfRuns(workspace, drydock, cargo)).toEqual([]);
});

import { afterAll, expect, test } from 'vitest';
import { planOf } from '../plan/support.ts';
import { cases } from './cases.ts';
import { differences } from './compare.ts';
import { callerEnvironment, cargoCommands, makeProject, type Project } from './project.ts';

const projects: Project[] = [];
afterAll(() => {
  for (const project of projects) project.remove();
});

test.each(cases)('plans what cargo runs: $name', async ({ files, environment, arguments: args }) => {
  const project = makeProject(files, environment);
  projects.push(project);
  const commands = cargoCommands(project, args);
  const { workspace, plan } = await planOf(project.root, ['build', '-vv', ...args], {
    ...callerEnvironment(),
    ...project.environment,
  });
  expect(differences(workspace, plan, commands)).toEqual([]);
});

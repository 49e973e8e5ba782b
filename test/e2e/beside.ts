/** The same call of drydock and of cargo, each with a target directory of its own. */
import { expect } from 'vitest';
import type { Ended, Environment, Project } from './support.ts';

/** Both must end alike and print the same, but for hashes, times, and the name of the target directory. */
export async function expectAlike(
  project: Project,
  args: readonly string[],
  environment: Environment = {},
): Promise<Ended> {
  const theirs = await project.cargo(args, { ...environment, CARGO_TARGET_DIR: 'theirs' });
  const ours = await project.drydock(args, { ...environment, CARGO_TARGET_DIR: 'target' });
  expect(comparable(ours), `drydock ${args.join(' ')}`).toEqual(comparable(theirs));
  return ours;
}

function comparable({ code, signal, stdout, stderr }: Ended): unknown {
  return { code, signal, stdout: plain(stdout), stderr: plain(stderr) };
}

function plain(text: string): string {
  return text
    .replaceAll(/\btheirs\b/g, 'target')
    .replaceAll(/-[0-9a-f]{16}\b/g, '-#')
    .replaceAll(/\b(in|took) \d+\.\d+s/g, '$1 #s')
    .replaceAll(/(thread '.*') \(\d+\)/g, '$1 (#)');
}

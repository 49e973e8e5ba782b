/** rustc's incremental state in a cache mount. */
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import * as path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { MountGrant } from '../../src/mounts/types.ts';
import { declareCacheMounts } from '../../src/mounts/declare.ts';
import { rustc, rustcArguments, shells, unit } from '../builder/helpers.ts';
import { type Lab, makeGoals, makeLab, treeSource } from './helpers.ts';

let lab: Lab;
beforeEach(async () => {
  lab = await makeLab();
});
afterEach(() => lab.close());

const grant = (): MountGrant => ({
  id: 'incremental-one',
  target: '/incremental',
  sharing: 'locked',
  ro: false,
  directory: path.join(lab.directory, 'target/debug/incremental/one-0123456789abcdef'),
  transactional: true,
});

const early = 'libone-0123456789abcdef.rmeta';

async function goalsFor(body: string, mounts: readonly MountGrant[], crateType = 'lib') {
  const shell = shells[0]?.[1] ?? ['/bin/sh'];
  const source = await treeSource(lab, 'one', {
    'src/lib.rs': `pub mod other; ${crateType === 'bin' ? 'fn main() {}' : ''} pub fn one() -> u32 { ${body} }`,
    'src/other.rs': Array.from(
      { length: 40 },
      (_, n) => `pub fn f${n}(x: u32) -> String { format!("{x} {}", ${n}) }`,
    ).join('\n'),
  });
  return makeGoals({
    one: {
      ...unit(shell, {
        source,
        early,
        mounts,
        env: {
          step: 'compile',
          program: rustc,
          cacheMounts: declareCacheMounts([grant()]),
          arguments: rustcArguments('one', crateType, 'src/lib.rs', ['-C', 'incremental=/incremental']),
        },
      }),
      lane: 'dev',
    },
  });
}

test('state outlives the build, and an edit reuses it', async () => {
  const first = await goalsFor('1', [grant()]);
  expect((await lab.build(first)).outcomes.get('one')).toMatchObject({ status: 'built' });
  /** rustc keeps the last session or two: the newest. */
  const newestSession = () => {
    const [crate] = readdirSync(grant().directory);
    const directory = path.join(grant().directory, crate ?? '');
    const sessions = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const [newest] = sessions
      .map(({ name }) => path.join(directory, name))
      .toSorted((one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs);
    return newest ?? '';
  };
  const before = newestSession();
  const objects = new Map(
    readdirSync(before)
      .filter((name) => name.endsWith('.o'))
      .map((name) => [name, statSync(path.join(before, name)).ino]),
  );
  expect(objects.size).toBeGreaterThan(1);

  const build = await lab.build(await goalsFor('2', [grant()]));
  expect(build.outcomes.get('one')).toMatchObject({ status: 'built' });
  const after = newestSession();
  expect(after).not.toBe(before);
  const reused = readdirSync(after).filter((name) => objects.get(name) === statSync(path.join(after, name)).ino);
  expect(reused.length).toBeGreaterThan(0);
  expect(readdirSync(grant().directory)).toHaveLength(1);
});

test('what is in the store shares no file with the state', async () => {
  const goals = await goalsFor('1', [grant()]);
  await lab.build(goals);
  const inodes = new Set<number>();
  const walk = (directory: string) => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const file = path.join(directory, entry.name);
      if (entry.isDirectory()) walk(file);
      else inodes.add(statSync(file).ino);
    }
  };
  walk(grant().directory);
  const out = lab.engine.hostPath(goals.get('one')!.sealed.outPath);
  for (const name of readdirSync(out)) {
    const stat = statSync(path.join(out, name));
    expect(inodes.has(stat.ino)).toBe(false);
    expect(stat.mode & 0o777).toBe(0o444);
  }
  expect(readdirSync(out)).toContain(early);
});

test('state and $out are on one mount: rustc can link between them', async () => {
  const build = await lab.build(
    makeGoals({
      one: {
        script: 'echo x > /incremental/object; ln /incremental/object $DRYDOCK_OUT/object; ls $out',
        mounts: [grant()],
        lane: 'dev',
      },
    }),
  );
  expect(build.log('one')).toEqual(['object']);
});

test('a declared mount that nobody granted is a place that ends with the sandbox', async () => {
  const build = await lab.build(await goalsFor('1', []));
  expect(build.outcomes.get('one'), build.log('one').join('\n')).toMatchObject({ status: 'built' });
  expect(build.log('one').join('\n')).toContain("'incremental=/build/incremental'");
});

test('an error of the program leaves good state, an odd end leaves it marked', async () => {
  mkdirSync(grant().directory, { recursive: true });
  const end = (code: number) =>
    makeGoals({
      one: { script: `exit ${code}`, mounts: [grant()], lane: 'dev' },
      later: { script: ':', mounts: [grant()], lane: 'dev' },
    });
  const later = async (code: number) => {
    await lab.build(makeGoals({ one: { script: `exit ${code}`, mounts: [grant()] } }));
    const build = await lab.build(makeGoals({ later: { script: `: ${code}`, mounts: [grant()] } }));
    return build.events.some((event) => event.type === 'state-dropped');
  };
  expect(end(1).size).toBe(2);
  expect(await later(1)).toBe(false);
  expect(await later(101)).toBe(true);
});

import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Lab, makeGoals, makeLab } from './helpers.ts';

let lab: Lab;
beforeEach(async () => {
  lab = await makeLab();
});
afterEach(() => lab.close());

test('a derivation and one that needs it are built, and are valid afterwards', async () => {
  const goals = makeGoals({
    first: { script: 'echo hello > $out/text; echo a line; echo another >&2' },
    second: { script: 'cp $first/text $out/copy', needs: { first: 'whole' } },
  });
  const build = await lab.build(goals);
  expect([...build.outcomes].map(([key, outcome]) => [key, outcome.status])).toEqual([
    ['first', 'built'],
    ['second', 'built'],
  ]);
  const second = goals.get('second')!.sealed.outPath;
  expect(readFileSync(`${lab.engine.hostPath(second)}/copy`, 'utf8')).toBe('hello\n');
  expect(build.log('first').toSorted()).toEqual(['a line', 'another']);
  expect(await lab.engine.log(goals.get('first')!.sealed.drvPath)).toHaveLength(2);

  const again = await lab.build(goals);
  expect([...again.outcomes.values()]).toEqual([{ status: 'valid' }, { status: 'valid' }]);
  expect(again.events).toEqual([]);
});

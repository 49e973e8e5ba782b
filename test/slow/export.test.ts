/** The export of the fixture: 377 units; and, of other versions of Nix, that of small projects. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exportSuite } from '../export/export.ts';
import { exported, instantiated, type Nix, openNix, type Place, planned, snapshot } from '../export/support.ts';
import { lab } from '../daemon/lab.ts';
import { callerEnvironment } from '../oracle/project.ts';

let nix: Nix;
let place: Place;
beforeAll(() => {
  nix = openNix();
  place = { root: path.join(nix.directory, 'fixture'), environment: callerEnvironment() };
  const url = new URL('../../bench/fixture.mjs', import.meta.url).href;
  const code = `import * as lib from '${url}';\nlib.layFixture(process.argv[1]);`;
  execFileSync(process.execPath, ['--input-type=module', '-e', code, place.root], { stdio: 'inherit' });
});
afterAll(() => nix.remove());

test('all units of the fixture evaluate to the planned derivations, in both lanes and within a second', async () => {
  await exported(place, '--locked');
  const pure = await planned(place, '--pure', '--locked');
  expect(pure.length).toBe(377);
  expect(await instantiated(nix, place)).toEqual(pure);
  expect(await instantiated(nix, place, {})).toEqual(await planned(place, '--locked'));
  expect(await evaluationTime(nix)).toBeLessThan(1);

  const before = snapshot(place);
  const file = path.join(place.root, 'src/cargo/lib.rs');
  fs.appendFileSync(file, '\n// edited\n');
  expect(await exported(place, '--locked')).toMatch(/ 0 written, 0 removed/);
  expect(snapshot(place)).toEqual(before);
  expect(await instantiated(nix, place)).toEqual(await planned(place, '--pure', '--locked'));
});

/** Seconds of the processor, which do not depend on what else the machine does, with all files in the store. */
async function evaluationTime(by: Nix): Promise<number> {
  const stats = path.join(by.directory, 'stats.json');
  const measured = { ...place.environment, NIX_SHOW_STATS: '1', NIX_SHOW_STATS_PATH: stats };
  await instantiated(by, { ...place, environment: measured });
  const { cpuTime } = JSON.parse(fs.readFileSync(stats, 'utf8')) as { cpuTime: number };
  process.stdout.write(`evaluation: ${cpuTime.toFixed(2)} s\n`);
  return cpuTime;
}

test.each(['2.26', '2.34'])('Nix %s evaluates to the same derivations', async (version) => {
  const other = openNix(lab(version));
  try {
    expect(await instantiated(other, place)).toEqual(await planned(place, '--pure', '--locked'));
    expect(await instantiated(other, place, {})).toEqual(await planned(place, '--locked'));
    expect(await evaluationTime(other)).toBeLessThan(1);
  } finally {
    await other.remove();
  }
});

describe.each(['2.26', '2.34'])('small projects, Nix %s', (version) => {
  exportSuite(lab(version));
});

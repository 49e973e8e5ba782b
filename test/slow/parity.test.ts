/** Both engines make the same: derivations, output paths, and the contents of every output of the pure lane. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeNix32 } from '../../src/nix/nix32.ts';
import type { StorePath } from '../../src/nix/types.ts';
import type { PlanRow } from '../../src/plan/describe.ts';
import { layoutOf } from '../../src/store/layout.ts';
import { parseRecord } from '../../src/store/record.ts';
import { run } from '../../src/sys/run.ts';
import { fetchCrates, unpackCrate } from '../../scripts/crates.mjs';
import { type TestDaemon, startDaemon } from '../daemon/daemon.ts';
import { installInto } from '../installation.ts';
import { callerEnvironment } from '../oracle/project.ts';

let directory: string;
let daemon: TestDaemon;
let program: string;

beforeAll(async () => {
  directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'drydock-parity-')));
  program = installInto(path.join(directory, 'program'));
  daemon = await startDaemon();
});
afterAll(async () => {
  await daemon.remove();
  fs.rmSync(directory, { recursive: true, force: true });
});

/** What an engine made: by output path the derivation that made it, and the hash of its NAR as `nix-store` prints it. */
type Made = Readonly<Record<string, readonly [deriver: string, narHash: string]>>;

const lanes: readonly (readonly [name: string, words: readonly string[]])[] = [
  ['an ordinary build', []],
  ['--pure', ['--pure']],
];

test.each(lanes)('ripgrep, %s', async (_, words) => {
  // Two checkouts at different places: where they lie is no part of the pure lane.
  const embedded = await built('embedded', [...words]);
  const nix = await built('nix', ['--engine', 'nix', ...words]);
  expect(nix).toEqual(embedded);
  const pure = nix.map(({ outPath }) => outPath);
  expect(pure.length).toBeGreaterThan(30);
  expect(madeByDaemon(pure)).toEqual(madeHere(pure));
});

type Unit = Pick<PlanRow, 'id' | 'drvPath' | 'outPath'>;

/** Builds in the engine's checkout; the pure units of its plan. */
async function built(engine: 'embedded' | 'nix', words: readonly string[]): Promise<readonly Unit[]> {
  const root = path.join(directory, engine, 'ripgrep');
  const [archive = ''] = fetchCrates([['ripgrep', '14.1.1']], path.join(directory, 'ask'));
  if (!fs.existsSync(root)) unpackCrate(archive, root);
  await drydock(root, 'build', ...words);
  const rows = JSON.parse(await drydock(root, 'plan', '--json', ...words)) as readonly PlanRow[];
  return rows.flatMap(({ id, lane, drvPath, outPath }) => (lane === 'pure' ? [{ id, drvPath, outPath }] : []));
}

async function drydock(root: string, ...words: readonly string[]): Promise<string> {
  const env = { ...callerEnvironment(), NIX_REMOTE: daemon.remote, DRYDOCK_STORE: path.join(directory, 'store') };
  const { code, stdout, stderr } = await run(process.execPath, [program, ...words], { cwd: root, env });
  if (code !== 0) throw new Error(stderr.toString());
  return stdout.toString();
}

function madeHere(paths: readonly StorePath[]): Made {
  const layout = layoutOf(path.join(directory, 'store'));
  const made = paths.map((one) => {
    const found = parseRecord(fs.readFileSync(layout.record('pure', one), 'utf8'));
    if (typeof found === 'string') throw new Error(found);
    return [one, [found.deriver, `sha256:${encodeNix32(Buffer.from(found.narHash ?? '', 'hex'))}`]];
  });
  return Object.fromEntries(made) as Made;
}

function madeByDaemon(paths: readonly StorePath[]): Made {
  const ask = (what: string) =>
    daemon
      .nix('nix-store', '--query', what, ...paths)
      .trimEnd()
      .split('\n');
  const [derivers, hashes] = [ask('--deriver'), ask('--hash')];
  return Object.fromEntries(paths.map((one, at) => [one, [derivers[at] ?? '', hashes[at] ?? '']]));
}

/** Both engines make the same: derivations, output paths, and the contents of every output of the pure lane. */
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeNix32 } from '../../src/nix/nix32.ts';
import type { StorePath } from '../../src/nix/types.ts';
import type { PlanRow } from '../../src/plan/describe.ts';
import { layoutOf } from '../../src/store/layout.ts';
import { parseRecord } from '../../src/store/record.ts';
import { run } from '../../src/sys/run.ts';
import { layFixture } from '../../bench/fixture.mjs';
import { fetchCrates, unpackCrate } from '../../scripts/crates.mjs';
import { type Launch, type TestDaemon, startDaemon, stock } from '../daemon/daemon.ts';
import { lab } from '../daemon/lab.ts';
import { installInto } from '../installation.ts';
import { callerEnvironment } from '../oracle/project.ts';

let directory: string;
let program: string;

beforeAll(() => {
  directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'drydock-parity-')));
  program = installInto(path.join(directory, 'program'));
});
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

/** What an engine made: by output path the derivation that made it, and the hash of its NAR as `nix-store` prints it. */
type Made = Readonly<Record<string, readonly [deriver: string, narHash: string]>>;

const lanes: readonly (readonly [name: string, words: readonly string[]])[] = [
  ['an ordinary build', []],
  ['--pure', ['--pure']],
];

function layRipgrep(root: string): void {
  const [archive = ''] = fetchCrates([['ripgrep', '14.1.1']], path.join(directory, 'ask'));
  unpackCrate(archive, root);
}

const versions: readonly (readonly [name: string, launch: Launch])[] = [
  ["the machine's Nix", stock],
  ['Nix 2.26', lab('2.26')],
  ['Nix 2.34', lab('2.34')],
];

describe.each(versions)('%s', (_, launch) => {
  let daemon: TestDaemon;
  beforeAll(async () => {
    daemon = await startDaemon([], launch);
  });
  afterAll(() => daemon.remove());

  test.each(lanes)('ripgrep, %s', async (__, words) => {
    const { embedded, nix } = await both(daemon, { name: 'ripgrep', lay: layRipgrep }, words);
    expect(nix).toEqual(embedded);
    expect(Object.keys(nix.made).length).toBeGreaterThan(30);
  });

  test('ripgrep: what drydock has built, `nix build` on its export finds built', async () => {
    const checkout = { name: 'exported', lay: layRipgrep };
    await built(daemon, checkout, ['--engine', 'nix', '--pure']);
    const root = checkedOut(daemon, checkout);
    await drydock(daemon, root, 'export', 'nix');
    const [nix = '', ...before] = launch.tool('nix');
    const env = { ...environmentFor(daemon), NIX_CONFIG: 'experimental-features = nix-command' };
    const words = ['build', '--file', 'nix/cargo_build_caller.nix', 'target', '-L'];
    const ended = await run(nix, [...before, ...words], { cwd: root, env });
    expect(ended.code, ended.stderr.toString()).toBe(0);
    expect(ended.stderr.toString()).not.toContain('@drydock running');
    const link = path.join(`${daemon.address.root}${fs.readlinkSync(path.join(root, 'result'))}`, 'debug/rg');
    expect(fs.existsSync(`${daemon.address.root}${fs.readlinkSync(link)}`)).toBe(true);
  });

  test('the dependencies of the fixture', async () => {
    const { embedded, nix } = await both(daemon, { name: 'fixture', lay: layFixture }, ['--locked']);
    expect(nix).toEqual(embedded);
    expect(Object.keys(nix.made).length).toBeGreaterThan(350);
  });
});

interface Checkout {
  readonly name: string;
  readonly lay: (root: string) => void;
}

/** Two checkouts at different places: where they lie is no part of the pure lane. What is made is given as `settled` says. */
async function both(daemon: TestDaemon, checkout: Checkout, words: readonly string[]) {
  const [embedded, nix] = [
    await built(null, checkout, words),
    await built(daemon, checkout, ['--engine', 'nix', ...words]),
  ];
  const store = layoutOf(path.join(directory, 'store'));
  const here = madeHere(embedded.map(({ outPath }) => outPath));
  const there = madeByDaemon(
    daemon,
    nix.map(({ outPath }) => outPath),
  );
  return {
    embedded: { units: embedded, made: settled(here, there, (one) => store.content(one)) },
    nix: { units: nix, made: settled(there, here, (one) => `${daemon.address.root}${one}`) },
  };
}

/** By hash where `other` has the same; else by what is in it that does not differ from run to run. */
function settled(made: Made, other: Made, contentOf: (one: StorePath) => string): Readonly<Record<string, unknown>> {
  const entries = Object.entries(made).map(([one, [deriver, hash]]) => {
    const same = hash === other[one]?.[1];
    return [one, { deriver, contents: same ? hash : chanceAside(contentOf(one as StorePath)) }];
  });
  return Object.fromEntries(entries) as Readonly<Record<string, unknown>>;
}

/**
 * The files of an output, without what differs from run to run in either engine: scripts print directories in the file
 * system's order, and autocfg compiles under random names and leaves that.
 */
function chanceAside(root: string): readonly string[] {
  const plain = (text: string) => text.replace(/autocfg_[0-9a-f]{16}/g, 'autocfg');
  const names = fs.readdirSync(root, { recursive: true, encoding: 'utf8' });
  return names.map((name) => plain(`${name} ${textOf(path.join(root, name), name)}`)).sort();
}

function textOf(file: string, name: string): string {
  const stat = fs.lstatSync(file);
  if (stat.isSymbolicLink()) return fs.readlinkSync(file);
  const mode = stat.mode.toString(8);
  // Has symbols of that name's hash.
  if (!stat.isFile() || /\bautocfg_[0-9a-f]{16}_\d+\.ll$/.test(name)) return mode;
  const text = fs.readFileSync(file, 'latin1');
  return `${mode} ${['output', 'stderr'].includes(name) ? text.split('\n').sort().join('\n') : text}`;
}

type Unit = Pick<PlanRow, 'id' | 'drvPath' | 'outPath'>;

/** Builds in a checkout of the daemon's, or, without one, of the embedded engine's; the pure units of its plan. */
async function built(
  daemon: TestDaemon | null,
  checkout: Checkout,
  words: readonly string[],
): Promise<readonly Unit[]> {
  const root = checkedOut(daemon, checkout);
  await drydock(daemon, root, 'build', ...words);
  const { stdout } = await drydock(daemon, root, 'plan', '--json', ...words);
  const rows = JSON.parse(stdout) as readonly PlanRow[];
  return rows.flatMap(({ id, lane, drvPath, outPath }) => (lane === 'pure' ? [{ id, drvPath, outPath }] : []));
}

/** Where the daemon, or without one the embedded engine, has its own. */
function checkedOut(daemon: TestDaemon | null, { name, lay }: Checkout): string {
  const root = path.join(directory, daemon?.version ?? 'embedded', name);
  if (fs.existsSync(root)) return root;
  fs.mkdirSync(path.dirname(root), { recursive: true });
  lay(root);
  return root;
}

function environmentFor(daemon: TestDaemon | null): Record<string, string> {
  const remote = daemon === null ? {} : { NIX_REMOTE: daemon.remote };
  return { ...callerEnvironment(), ...remote, DRYDOCK_STORE: path.join(directory, 'store') };
}

async function drydock(daemon: TestDaemon | null, root: string, ...words: readonly string[]) {
  const env = environmentFor(daemon);
  const { code, stdout, stderr } = await run(process.execPath, [program, ...words], { cwd: root, env });
  if (code !== 0) throw new Error(stderr.toString());
  return { stdout: stdout.toString(), stderr: stderr.toString() };
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

function madeByDaemon(daemon: TestDaemon, paths: readonly StorePath[]): Made {
  const ask = (what: string) =>
    daemon
      .nix('nix-store', '--query', what, ...paths)
      .trimEnd()
      .split('\n');
  const [derivers, hashes] = [ask('--deriver'), ask('--hash')];
  return Object.fromEntries(paths.map((one, at) => [one, [derivers[at] ?? '', hashes[at] ?? '']]));
}

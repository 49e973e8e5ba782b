// Measures drydock beside cargo, step by step in turns, each with a checkout and a store of its own.
//
//   npm run bench -- seed [OPTIONS]        the embedded engine
//   npm run bench -- nix [OPTIONS]         the Nix engine: stock Nix 2.34 with the hook, an ordinary user; as root
//
//   --rounds N         [3]                 --only clean,noop,first,edit,cold,back,second,elsewhere,unsandboxed,restored
//                                          (nix: clean,noop,first,edit,unmounted,plan,evaluation,plain)
//   --project DIR      another project than the fixture, with --edit FILE: a source file of it that gets a function more,
//                      whose body is then edited
//   --rest SECONDS     before each edit: all is written to the disk, and nothing done for this long [0; nix: 60]
//   --candidate FILE   this program in drydock's place (`cargo` measures the harness: every ratio should be near 1)
//   --out FILE         where the samples go, as JSON [DIR/seed.json, DIR/nix.json]
//
// Works in DIR: $DRYDOCK_BENCH_DIR, or drydock-bench in the user's cache directory (nix: drydock-bench in /opt, which every
// user can enter). The whole table takes about an hour
// on two cores; nothing else should run meanwhile.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { mebibytes, spread, summary, table } from './figures.mjs';
import { layFixture } from './fixture.mjs';
import { Machine } from './machine.mjs';
import { NIX_ROWS } from './nix-rows.mjs';
import { UserSide } from './nix-side.mjs';
import { ROWS } from './rows.mjs';
import { Side } from './side.mjs';

const DRYDOCK = fileURLToPath(new URL('../dist/drydock.mjs', import.meta.url));
/** A line of a function's body in the fixture: library and binary are compiled again. */
const FIXTURE_EDIT = {
  file: 'src/cargo/core/dependency.rs',
  line: 'assert_eq!(self.kind(), DepKind::Normal);',
  with: (serial) => `assert_eq!(self.kind(), DepKind::Normal, "edit ${serial}");`,
};

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    project: { type: 'string' },
    edit: { type: 'string', default: 'src/lib.rs' },
    rest: { type: 'string' },
    candidate: { type: 'string', default: DRYDOCK },
    out: { type: 'string' },
  },
});
const tables = { seed, nix };
const measured = tables[positionals[0]];
if (measured === undefined) {
  const text = readFileSync(fileURLToPath(import.meta.url), 'utf8').split('\n\n')[0] ?? '';
  console.error(text.replaceAll(/^\/\/ ?/gm, '').split('\nimport ')[0]);
  process.exit(2);
}
await measured();

async function seed() {
  const cache = process.env.XDG_CACHE_HOME?.startsWith('/')
    ? process.env.XDG_CACHE_HOME
    : path.join(os.homedir(), '.cache');
  const rows = chosenRows(ROWS);
  const dir = place(path.join(cache, 'drydock-bench'));
  const { project, edit } = chosenProject(dir);
  const sides = [
    new Side('cargo', path.join(dir, 'cargo'), project, [realCargo(), 'build', '--offline'], edit),
    new Side('drydock', path.join(dir, 'drydock'), project, [...candidate(), 'build', '--offline'], edit),
  ];
  await measureAll(rows, sides, path.join(dir, 'seed.json'));
}

async function nix() {
  const rows = chosenRows(NIX_ROWS);
  const dir = place('/opt/drydock-bench');
  const { project, edit } = chosenProject(dir);
  const machine = await Machine.open(dir, '2.34');
  try {
    const own = [...machine.drydock, 'build', '--engine', 'nix', '--offline'];
    const sides = [
      new UserSide('cargo', machine, project, [path.join(machine.toolchain, 'bin/cargo'), 'build', '--offline'], edit),
      new UserSide('drydock', machine, project, own, edit),
    ];
    await measureAll(rows, sides, path.join(dir, 'nix.json'));
  } finally {
    await machine.stop();
  }
}

function place(usual) {
  const dir = path.resolve(process.env.DRYDOCK_BENCH_DIR ?? usual);
  mkdirSync(dir, { recursive: true });
  return dir;
}

function chosenProject(dir) {
  return options.project === undefined ? fixture(dir) : other(dir, options.project, options.edit);
}

async function measureAll(rows, sides, out) {
  const taken = [];
  for (let round = 1; round <= Number(options.rounds); round++) {
    for (const side of sides) await prepare(side, rows, round);
    for (const row of rows) taken.push(...(await measureRow(row, sides, round)));
  }
  report(rows, taken, options.out ?? out);
}

function chosenRows(all) {
  const names = options.only?.split(',') ?? all.map((row) => row.name);
  const strange = names.filter((name) => !all.some((row) => row.name === name));
  if (strange.length > 0)
    throw new Error(`no row is called ${strange.join(', ')}; there are ${all.map((row) => row.name).join(', ')}`);
  // What the row `edit` shows comes after the first edit, which has a row of its own.
  const later = names.includes('clean') && names.some((name) => !['clean', 'noop', 'second'].includes(name));
  return all.filter((row) => names.includes(row.name) || (later && row.name === 'first'));
}

function fixture(dir) {
  const project = path.join(dir, 'fixture');
  if (!existsSync(project)) {
    console.error('laying out the fixture');
    layFixture(project);
  }
  return { project, edit: FIXTURE_EDIT };
}

/** A copy of another project whose source file has one more function, the body of which is edited. */
function other(dir, from, file) {
  const project = path.join(dir, 'project');
  rmSync(project, { recursive: true, force: true });
  cpSync(from, project, { recursive: true, filter: (one) => path.relative(from, one) !== 'target' });
  const line = 'const EDIT: &str = "before";';
  const source = path.join(project, file);
  writeFileSync(
    source,
    `${readFileSync(source, 'utf8')}\npub fn drydock_bench() -> &'static str {\n    ${line}\n    EDIT\n}\n`,
  );
  execFileSync('cargo', ['fetch', '--quiet'], { cwd: project, stdio: ['ignore', 'inherit', 'inherit'] });
  return { project, edit: { file, line, with: (serial) => `const EDIT: &str = "${serial}";` } };
}

/** Cargo itself: a rustup proxy in front of it would be measured too. */
function realCargo() {
  const sysroot = execFileSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8' }).trim();
  const inside = path.join(sysroot, 'bin/cargo');
  return existsSync(inside) ? inside : 'cargo';
}

function candidate() {
  if (options.candidate === 'cargo') return [realCargo()];
  return options.candidate.endsWith('.mjs') ? [process.execPath, options.candidate] : [options.candidate];
}

/** A round without the row `clean` builds once before it measures; one that has edits warms the incremental state. */
async function prepare(side, rows, round) {
  if (rows.some((row) => row.name === 'clean')) return;
  if (round === 1 || rows.some((row) => row.fresh)) {
    console.error(`round ${round}: ${side.name}: first build (not measured)`);
    side.reset();
    await side.build();
  }
  if (round === 1 && !rows.some((row) => row.fresh)) {
    side.write(side.edit.with('warm'));
    await side.build();
  }
}

/** Cargo first in odd rounds, drydock first in even ones. */
async function measureRow(row, sides, round) {
  const taken = [];
  const order = (round % 2 === 1 ? sides : sides.toReversed()).filter((side) => !row.own || side.name === 'drydock');
  for (let sample = 1; sample <= (row.samples ?? 1); sample++) {
    for (const side of order) {
      if (row.compiles) await rest();
      const one = await row.step(side, `${round}-${row.name}-${sample}`);
      if (row.compiles && one.compiled === 0) throw new Error(`${side.name}: ${row.name}: nothing was compiled`);
      if (row.name === 'noop' && one.compiled > 0) throw new Error(`${side.name}: noop: ${one.compiled} compiled`);
      console.error(
        `round ${round}: ${row.name}: ${side.name} ${one.seconds.toFixed(3)} s, ${one.compiled} compiled, ${mebibytes(one.peak)}`,
      );
      taken.push({ row: row.name, side: side.name, round, ...one });
    }
  }
  return taken;
}

/**
 * What the step before has written and removed is not measured in the next one. ext4 looks a minute long at inodes that were
 * deleted, for each that is made, and a sandbox has hundreds.
 */
async function rest() {
  const seconds = Number(options.rest ?? (positionals[0] === 'nix' ? 60 : 0));
  if (seconds === 0) return;
  execFileSync('sync');
  await sleep(seconds * 1000);
}

function report(rows, taken, file) {
  const seconds = (row, side) => taken.filter((one) => one.row === row && one.side === side).map((one) => one.seconds);
  const text = table(
    rows.map((row) => ({
      title: row.title,
      goal: row.goal,
      cargo: seconds(row.against ?? row.name, 'cargo'),
      drydock: seconds(row.name, 'drydock'),
    })),
  );
  const peaks = (side) =>
    rows.flatMap((row) => taken.filter((one) => one.row === row.name && one.side === side).map((one) => one.peak));
  const memory = ['cargo', 'drydock'].map((side) => `${side} ${mebibytes(summary(peaks(side))?.most ?? 0)}`);
  const machine = {
    cpus: os.cpus().length,
    cpu: os.cpus()[0]?.model ?? '?',
    memory: os.totalmem(),
    kernel: os.release(),
    node: process.version,
    rustc: execFileSync('rustc', ['-V'], { encoding: 'utf8' }).trim(),
    date: new Date().toISOString(),
  };
  writeFileSync(
    file,
    `${JSON.stringify({ machine, candidate: path.basename(options.candidate), samples: taken }, null, 1)}\n`,
  );
  const noop = summary(peaksOf(taken, 'noop'));
  console.log(`${options.rounds} rounds, ${machine.cpus} x ${machine.cpu}, ${machine.rustc}, node ${machine.node}\n`);
  console.log(text);
  console.log(
    `\nPeak memory of the orchestrator (VmHWM): ${memory.join(', ')}; with nothing to do: drydock ${noop === null ? '-' : spread(noop, mebibytes)}`,
  );
  console.error(`samples: ${file}`);
}

function peaksOf(taken, row) {
  return taken.filter((one) => one.row === row && one.side === 'drydock').map((one) => one.peak);
}

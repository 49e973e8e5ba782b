// Runs cargo's own test suite with drydock in cargo's place.
//
//   npm run conformance [-- OPTIONS]
//
//   --module A,B    only the tests of these modules      --test NAME    only this test (module::name); may be repeated
//   --jobs N        tests at once [cores + 1]            --verbs A,B    only tests that call one of these [build]
//   --accept        write this run's failures into test/conformance/expected.json (as not-done; for a person to judge)
//   --program FILE  run this program instead of an installed drydock
//
// Drydock gets the calls of all verbs that it has, cargo all others. Exit code 1 when a test fails that expected.json does
// not list, or one passes that it lists. A whole run (no --module, no --test, verbs as they are) writes
// docs/conformance.md. What failed tests said: DIR/failed/MODULE.log, where DIR is $DRYDOCK_CONFORMANCE_DIR or
// drydock-conformance in the user's cache directory.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { installDrydock } from './install.mjs';
import { page } from './page.mjs';
import { REASONS } from './reasons.mjs';
import { placeProgram, runTests, runningIn } from './execute.mjs';
import { lay, suiteDirectory, testsCalling } from './suite.mjs';
import { accepted, compare, percent, shares } from './verdict.mjs';

const EXPECTED = fileURLToPath(new URL('expected.json', import.meta.url));
/** The verbs that drydock has. */
const VERBS = ['build', 'check', 'run', 'test', 'bench'];
const PAGE = fileURLToPath(new URL('../../docs/conformance.md', import.meta.url));

const { values: options } = parseArgs({
  options: {
    module: { type: 'string' },
    test: { type: 'string', multiple: true },
    jobs: { type: 'string', default: String(os.availableParallelism() + 1) },
    verbs: { type: 'string', default: 'build' },
    accept: { type: 'boolean', default: false },
    program: { type: 'string' },
  },
});
process.exitCode = await main();

async function main() {
  const dir = suiteDirectory();
  mkdirSync(dir, { recursive: true });
  const suite = lay(dir);
  const verbs = options.verbs.split(',');
  const modules = options.module?.split(',');
  const chosen = testsCalling(suite, verbs).filter((id) =>
    options.test ? options.test.includes(id) : (modules?.includes(id.split('::')[0]) ?? true),
  );
  if (chosen.length === 0) {
    console.error(`no test of cargo's suite fits (verbs: ${options.verbs})`);
    return 1;
  }
  return withLock(suite, async () => {
    const passing = await baseline(dir, suite, chosen);
    const drydock = options.program === undefined ? installDrydock(dir) : path.resolve(options.program);
    return judge(dir, suite, await runDrydock(suite, drydock, passing));
  });
}

/** Those of `chosen` that plain cargo passes here; what is known from earlier runs is not run again. */
async function baseline(dir, suite, chosen) {
  const file = path.join(dir, 'cargo-results.json');
  const known = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const asked = chosen.filter((id) => known[id] === undefined);
  if (asked.length > 0) {
    console.log(`plain cargo: ${asked.length} tests`);
    placeProgram(suite, null, []);
    const first = await runTests(suite, asked, options.jobs);
    for (const [id, state] of first.states) known[id] = state;
    // A test that fails beside others and passes alone says something about this machine's load, not about cargo.
    const again = asked.filter((id) => known[id] === 'FAILED');
    if (again.length > 0) for (const [id, state] of (await runTests(suite, again, 1)).states) known[id] = state;
    writeFileSync(file, `${JSON.stringify(known, null, 1)}\n`);
  }
  return chosen.filter((id) => known[id] === 'ok');
}

async function runDrydock(suite, drydock, all) {
  placeProgram(suite, drydock, VERBS);
  const expected = JSON.parse(readFileSync(EXPECTED, 'utf8'));
  const ids = all.filter((id) => REASONS[expected[id]]?.run !== false);
  const left = new Map();
  for (const id of ids) left.set(moduleOf(id), [...(left.get(moduleOf(id)) ?? []), id]);
  const ended = new Map();
  const started = Date.now();
  const result = await runTests(suite, ids, options.jobs, (id, state) => {
    ended.set(id, state);
    const all = left.get(moduleOf(id)) ?? [];
    if (!all.every((one) => ended.has(one))) return;
    console.log(`${moduleOf(id)}: ${all.filter((one) => ended.get(one) === 'ok').length} of ${all.length}`);
  });
  console.log(`${((Date.now() - started) / 1000).toFixed(0)} s`);
  const states = new Map(all.map((id) => [id, result.states.get(id) ?? 'FAILED']));
  return { states, outputs: result.outputs };
}

async function judge(dir, suite, { states, outputs }) {
  let expected = JSON.parse(readFileSync(EXPECTED, 'utf8'));
  const doubtful = compare(states, expected).unlisted.filter((id) => !outputs.get(id)?.includes('(hung: '));
  if (doubtful.length > 0 && doubtful.length <= 20) {
    const alone = await runTests(suite, doubtful, 1);
    for (const [id, state] of alone.states) {
      if (state === 'ok') console.log(`passes alone, fails beside others: ${id}`);
      states.set(id, state);
    }
  }
  keepOutputs(path.join(dir, 'failed'), states, outputs);
  if (options.accept) {
    expected = accepted(states, expected);
    writeFileSync(EXPECTED, `${JSON.stringify(expected, null, 2)}\n`);
  }
  const { unlisted, outlived, unknown } = compare(states, expected);
  for (const id of unlisted) console.log(`fails, and is not listed: ${id}`);
  for (const id of outlived) console.log(`passes, and is listed as failing (${expected[id]}): ${id}`);
  for (const reason of unknown) console.log(`expected.json: there is no reason called ${reason}`);
  const { total } = shares(states, expected);
  const { whole, withoutIntended } = percent(total);
  console.log(
    `total: ${total.passed} of ${total.ran} (${whole?.toFixed(1)} %; without intended differences ${withoutIntended?.toFixed(1)} %)`,
  );
  if (unlisted.length + outlived.length + unknown.length > 0) {
    console.log(`what failed tests said: ${path.join(dir, 'failed')}`);
    return 1;
  }
  if (!options.module && !options.test && options.verbs === 'build' && !options.program) {
    writeFileSync(PAGE, page(states, expected, execFileSync('rustc', ['-V'], { encoding: 'utf8' }).trim()));
  }
  return 0;
}

function keepOutputs(place, states, outputs) {
  const modules = new Set([...states.keys()].map(moduleOf));
  mkdirSync(place, { recursive: true });
  for (const module of modules) {
    const file = path.join(place, `${module}.log`);
    const failed = [...states].filter(([id, state]) => state === 'FAILED' && moduleOf(id) === module);
    rmSync(file, { force: true });
    if (failed.length > 0)
      writeFileSync(file, `${failed.map(([id]) => outputs.get(id) ?? `---- ${id} ----\n(not run)`).join('\n\n')}\n`);
  }
}

function moduleOf(id) {
  return id.split('::')[0];
}

/** The suite has one place for cargo and one for its scratch files: one run at a time, also of another tool's. */
async function withLock(suite, action) {
  const lock = path.join(realpathSync(suite), 'target/running');
  const holder = existsSync(lock) ? Number(readFileSync(lock, 'utf8')) : 0;
  const other = holder > 0 && existsSync(`/proc/${holder}`) ? holder : runningIn(suite);
  if (other !== null) {
    console.error(`another run is under way in ${suite} (process ${other})`);
    return 1;
  }
  writeFileSync(lock, String(process.pid));
  try {
    return await action();
  } finally {
    rmSync(lock, { force: true });
  }
}

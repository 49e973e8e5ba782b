// Runs tests of cargo's suite with a program in cargo's place.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { program } from './suite.mjs';

/** A run in which no test ends for so long hangs. The test program names a test that has run for 60 seconds. */
const SILENCE = 65_000;

/**
 * Puts a script into the place where the suite looks for cargo. `candidate`: gets every call of one of `verbs`, with
 * cargo itself in $CARGO; null: cargo gets all.
 */
export function placeProgram(suite, candidate, verbs) {
  const place = path.join(suite, 'target/debug/cargo');
  const real = path.join(suite, 'target/debug/cargo-itself');
  if (!existsSync(real)) renameSync(place, real);
  const script =
    candidate === null
      ? `#!/bin/sh\nexec ${quoted(real)} "$@"\n`
      : `#!/bin/sh
export CARGO=${quoted(real)}
skip=
for word in "$@"; do
  if [ "$skip" ]; then skip=; continue; fi
  case $word in
    ${verbs.join('|')}) exec ${quoted(candidate)} "$@" ;;
    -C | -Z | --config | --color) skip=1 ;;
    -* | +*) ;;
    *) break ;;
  esac
done
exec "$CARGO" "$@"
`;
  writeFileSync(`${place}.aside`, script, { mode: 0o755 });
  renameSync(`${place}.aside`, place);
}

/** The process, if there is one, that runs tests of this suite now; null: none. */
export function runningIn(suite) {
  const wanted = statSync(program(suite));
  const isWanted = (pid) => {
    try {
      const { dev, ino } = statSync(`/proc/${pid}/exe`);
      return dev === wanted.dev && ino === wanted.ino;
    } catch {
      return false; // it ended, or belongs to someone else
    }
  };
  return readdirSync('/proc').find((name) => /^\d+$/.test(name) && isWanted(name)) ?? null;
}

/**
 * Runs the tests `ids`; `on(id, state)` as each ends. Gives `states` (id -> `ok`, `FAILED`, `ignored`) and `outputs` (id
 * -> what a failed test printed). When no test ends for a minute, those under way have hung: they are `FAILED`, and a new
 * process runs what is left. It also runs again what had failed in the old one, whose output went with it.
 */
export async function runTests(suite, ids, jobs, on = () => {}) {
  const states = new Map();
  const outputs = new Map();
  const end = (id, state) => {
    if (!states.has(id)) on(id, state);
    states.set(id, state);
  };
  for (let left = ids; left.length > 0; ) {
    const { output, hung } = await runProcess(suite, left, jobs, end);
    for (const id of hung) {
      end(id, 'FAILED');
      outputs.set(id, `---- ${id} ----\n(hung: nothing ended for a minute)`);
    }
    if (hung.length === 0) {
      for (const id of left) if (!states.has(id)) end(id, 'FAILED');
      const failed = left.filter((id) => states.get(id) === 'FAILED');
      for (const [id, text] of outputsOf(output, failed)) outputs.set(id, text);
      break;
    }
    left = left.filter((id) => (states.get(id) ?? 'FAILED') === 'FAILED' && !outputs.has(id));
  }
  return { states, outputs };
}

/** One process of the test program: what it printed, and the tests during which it was stopped. */
function runProcess(suite, ids, jobs, on) {
  return new Promise((resolve, reject) => {
    const child = spawn(program(suite), ['--exact', '--test-threads', String(jobs), ...ids], {
      cwd: suite,
      env: environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    let output = '';
    let unread = '';
    let hung = [];
    const underWay = new Set(ids);
    const slow = new Set();
    let watch = setTimeout(stop, SILENCE);
    function stop() {
      const named = [...slow].filter((id) => underWay.has(id));
      hung = named.length > 0 ? named : [...underWay].sort((a, b) => a.localeCompare(b)).slice(0, Number(jobs));
      process.kill(-child.pid, 'SIGKILL');
    }
    const interrupted = () => {
      process.kill(-child.pid, 'SIGKILL');
      process.exit(130);
    };
    process.once('SIGINT', interrupted);
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
      const lines = (unread + text).split('\n');
      unread = lines.pop();
      for (const line of lines) {
        const late = /^test (\S+) has been running for over 60 seconds/.exec(line)?.[1];
        if (late !== undefined) slow.add(late);
        const [, id, state] = /^test (\S+) \.\.\. (ok|FAILED|ignored)/.exec(line) ?? [];
        if (id === undefined) continue;
        clearTimeout(watch);
        watch = setTimeout(stop, SILENCE);
        underWay.delete(id);
        on(id, state);
      }
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    child.on('error', reject);
    child.on('close', () => {
      clearTimeout(watch);
      process.removeListener('SIGINT', interrupted);
      resolve({ output, hung });
    });
  });
}

/** The test program prints what a failed test said in a block of its own, after all tests. */
export function outputsOf(output, failed) {
  const blocks = new Map();
  for (const block of output.split(/^(?=---- \S+ stdout ----$)/m).slice(1)) {
    const id = /^---- (\S+) stdout ----/.exec(block)?.[1];
    blocks.set(id, block.split(/^(?:failures:$|test result: )/m)[0].trimEnd());
  }
  return new Map(failed.map((id) => [id, blocks.get(id) ?? `---- ${id} ----\n(no output: it never ended)`]));
}

/** The tests have a home of their own, so a rustup proxy would find no toolchain: the toolchain's own programs go first. */
function environment() {
  const sysroot = execFileSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8' }).trim();
  const env = { ...process.env, PATH: `${sysroot}/bin:${process.env.PATH}`, RUSTUP_AUTO_INSTALL: '0' };
  for (const name of Object.keys(env)) {
    if (/^(npm_|DRYDOCK_|CARGO_|RUSTUP_TOOLCHAIN$|XDG_)/.test(name) && name !== 'CARGO_HOME') delete env[name];
  }
  // Else the first test of cross compilation fails, whichever it is, and the others pass without having done anything.
  if (!existsSync(path.join(sysroot, 'lib/rustlib/i686-unknown-linux-gnu'))) env.CFG_DISABLE_CROSS_TESTS = '1';
  return env;
}

function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

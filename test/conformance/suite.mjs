// Cargo's own test suite as it comes from crates.io: where it lies and which tests it has.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { fetchCrates, unpackCrate } from '../../scripts/crates.mjs';

/** cargo 0.96.0 is the cargo of Rust 1.95. */
export const SUITE_VERSION = '0.96.0';

/** The directory that keeps suite, baseline and results between runs. */
export function suiteDirectory(env = process.env) {
  const cache = env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : path.join(os.homedir(), '.cache');
  return path.resolve(env.DRYDOCK_CONFORMANCE_DIR ?? path.join(cache, 'drydock-conformance'));
}

/**
 * Unpacks and builds the suite, unless that was done. It is built where it stays: the test program has its own place
 * written into it. Killed half-way, the next call builds on.
 */
export function lay(dir) {
  const suite = path.join(dir, 'suite');
  if (!existsSync(path.join(suite, 'Cargo.toml'))) unpack(dir, suite);
  if (program(suite) !== null) return suite;
  console.log(`building cargo ${SUITE_VERSION} and its tests in ${suite} (once; some minutes)`);
  execFileSync('cargo', ['test', '--quiet', '--no-run', '--test', 'testsuite'], {
    cwd: suite,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      CARGO_PROFILE_DEV_DEBUG: '0',
      CARGO_INCREMENTAL: '0',
      CARGO_TARGET_DIR: path.join(suite, 'target'),
    },
  });
  return suite;
}

function unpack(dir, suite) {
  const [archive] = fetchCrates([['cargo', SUITE_VERSION]], path.join(dir, 'fetch'));
  const aside = `${suite}.aside`;
  rmSync(aside, { recursive: true, force: true });
  unpackCrate(archive, aside);
  renameSync(aside, suite);
}

/** The built test program; null before it is built. */
export function program(suite) {
  const deps = path.join(suite, 'target/debug/deps');
  const found = existsSync(deps) ? readdirSync(deps).filter((name) => /^testsuite-[0-9a-f]{16}$/.test(name)) : [];
  const age = (name) => statSync(path.join(deps, name)).mtimeMs;
  const newest = found.sort((a, b) => age(b) - age(a))[0];
  return newest === undefined ? null : path.join(deps, newest);
}

/** Ids (`module::name`) of the tests that call one of `verbs`, and all verbs that each calls; no test that needs nightly. */
export function testsCalling(suite, verbs) {
  const built = new Set(
    execFileSync(program(suite), ['--list', '--format', 'terse'], { cwd: suite, encoding: 'utf8', maxBuffer: 1 << 26 })
      .split('\n')
      .filter((line) => line.endsWith(': test'))
      .map((line) => line.slice(0, -': test'.length)),
  );
  const sources = path.join(suite, 'tests/testsuite');
  const files = readdirSync(sources).filter((name) => name.endsWith('.rs'));
  return files
    .sort()
    .flatMap((file) => readTests(file.slice(0, -'.rs'.length), readFileSync(path.join(sources, file), 'utf8')))
    .filter((test) => built.has(test.id) && test.verbs.some((verb) => verbs.includes(verb)))
    .map((test) => test.id);
}

/** The tests of one source file that run with a stable cargo, with the verbs that stand in their calls of `.cargo("…")`. */
export function readTests(module, text) {
  const [, ...parts] = text.split(/^#\[cargo_test/m);
  return parts.flatMap((part) => {
    const name = /fn (\w+)\(/.exec(part)?.[1];
    const attribute = part.slice(0, part.indexOf(']'));
    if (name === undefined || attribute.includes('nightly') || part.includes('masquerade_as_nightly')) return [];
    const calls = [...part.matchAll(/\.cargo\(\s*"(?:-\S+ )*(\w[\w-]*)/g)].map(([, verb]) => verb);
    return [{ id: `${module}::${name}`, verbs: [...new Set(calls)] }];
  });
}

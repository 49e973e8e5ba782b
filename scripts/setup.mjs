// Sets the machine up for this project: dependencies from npm, and the few programs of the system that it needs.
//
//   node scripts/setup.mjs            what a build needs (and the demo)
//   node scripts/setup.mjs --tests    and what the tests need
//
// Runs with Node alone, before anything is installed; asks nothing; changes nothing where nothing is missing. Programs of
// the system come through apt-get where that is allowed (root, or sudo without a password); else it says what to type.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const forTests = process.argv.includes('--tests');

const PROGRAMS = [
  { program: 'bwrap', packages: ['bubblewrap'], why: 'every unit is built in a sandbox made by it' },
  { program: 'cc', packages: ['gcc', 'libc6-dev'], why: 'rustc links with it' },
  { program: 'git', packages: ['git'], why: "git's rules say which files belong to a package" },
  {
    program: 'nix-store',
    packages: ['nix-bin'],
    why: 'the tests compare derivations and store paths with it',
    tests: true,
  },
  {
    program: 'busybox',
    packages: ['busybox'],
    why: "the tests run the builder's script in its shell, too",
    tests: true,
  },
];

process.exitCode = main();

function main() {
  if (!newEnough(process.versions.node)) {
    return complain(`Node ${process.versions.node} is too old`, 'install Node 20.19 or newer');
  }
  if (!installDependencies()) return 1;
  const missing = PROGRAMS.filter((one) => !(one.tests && !forTests) && find(one.program) === null);
  if (missing.length > 0 && !installPrograms(missing)) return 1;
  if (find('cargo') === null || find('rustc') === null) {
    return complain('there is no cargo or rustc on PATH', 'install Rust: https://rustup.rs');
  }
  return trySandbox() ? 0 : 1;
}

/** 20.19, 22.12 and everything after: what the tools of this project ask for. */
function newEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major === 20 ? minor >= 19 : major === 22 ? minor >= 12 : major > 22;
}

function complain(seen, todo) {
  console.error(`setup: ${seen}\n  to do: ${todo}`);
  return 1;
}

/**
 * Installs what the lock file names, unless node_modules holds it. Not `npm ci`: that one insists on a lock entry for the
 * packages of every platform, while a registry may lack some of those. Versions and checksums are the lock file's all the same.
 */
function installDependencies() {
  const locked = packagesOf('package-lock.json');
  const installed = packagesOf('node_modules/.package-lock.json');
  const differs = ([name, one]) => name !== '' && !one.optional && installed?.[name]?.version !== one.version;
  if (installed !== null && !Object.entries(locked ?? {}).some(differs)) return true;
  console.error('setup: npm install');
  // Called from `npm test` or `npm run`, npm tells which of its own programs is running.
  const npm = process.env.npm_execpath;
  const [program, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const ended = spawnSync(program, [...first, 'install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (ended.status === 0) return true;
  complain('the dependencies could not be installed', 'see what npm says above, then: npm install --no-save');
  return false;
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(path.join(root, file), 'utf8')).packages;
  } catch {
    return null;
  }
}

function find(program) {
  const places = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'];
  for (const place of places.filter((one) => one.startsWith('/'))) {
    const file = path.join(place, program);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {}
  }
  return null;
}

function installPrograms(missing) {
  const packages = missing.flatMap((one) => one.packages);
  const names = missing.map((one) => one.program).join(', ');
  const typed = `sudo apt-get install ${packages.join(' ')}`;
  for (const one of missing) console.error(`setup: ${one.program} is missing (${one.why})`);
  if (!existsSync('/usr/bin/apt-get')) {
    complain(
      `${names}: not found, and there is no apt-get`,
      `install with your package manager: ${packages.join(', ')}`,
    );
    return false;
  }
  const prefix = process.getuid() === 0 ? [] : ['sudo', '-n'];
  if (prefix.length > 0 && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status !== 0) {
    complain(`${names}: not found, and installing needs your password`, typed);
    return false;
  }
  const apt = (...args) => {
    const words = [
      ...prefix,
      'env',
      'DEBIAN_FRONTEND=noninteractive',
      'apt-get',
      '-q',
      '-o',
      'DPkg::Lock::Timeout=120',
      ...args,
    ];
    console.error(`setup: ${['apt-get', ...args].join(' ')}`);
    return spawnSync(words[0], words.slice(1), { stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
  };
  const install = () => apt('install', '-y', '--no-install-recommends', ...packages);
  // Package lists that are missing or too old make the first try fail; only then are they fetched.
  if (install() || (apt('update') && install())) {
    const still = missing.filter((one) => find(one.program) === null);
    if (still.length === 0) return true;
  }
  complain(`${names}: could not be installed`, typed);
  return false;
}

/** Whether bubblewrap can make a sandbox here. */
function trySandbox() {
  const bwrap = find('bwrap');
  const tried = spawnSync(
    bwrap,
    ['--unshare-all', '--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc', '/bin/true'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    },
  );
  if (tried.status === 0) return true;
  const restricted = readLine('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === '1';
  const off = readLine('/proc/sys/kernel/unprivileged_userns_clone') === '0';
  const todo = restricted
    ? 'AppArmor keeps user namespaces from bwrap (D0302): `npm run build && node dist/drydock.mjs doctor` prints a profile that lets it make them'
    : off
      ? 'sudo sysctl kernel.unprivileged_userns_clone=1'
      : 'allow user namespaces (in a container: run it with the rights to make them)';
  complain(`bubblewrap cannot make a sandbox here: ${tried.stderr.trim()}`, todo);
  return false;
}

function readLine(file) {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return null;
  }
}

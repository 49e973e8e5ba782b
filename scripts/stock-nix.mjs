// Stock Nix of other versions than the machine's own, for tests and measurements: Debian's packages of it with all their
// libraries, unpacked into a directory of their own. Needs apt-get; changes nothing outside of that directory.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';

/** The releases of Debian that have a version. */
const SUITES = { 2.26: 'trixie', 2.34: 'sid' };
const PROGRAMS = ['nix', 'nix-build', 'nix-collect-garbage', 'nix-daemon', 'nix-hash', 'nix-instantiate', 'nix-store'];
const SOURCES = ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list'];

/** Where versions are kept: `DRYDOCK_NIX_DIR`, or a place of root's that every user can read. */
export const versionsDirectory = process.env.DRYDOCK_NIX_DIR ?? '/opt/drydock-nix';

/** Unpacks the version where it is not there yet; the directory of its programs. */
export function installNix(version, directory = versionsDirectory) {
  const place = path.join(directory, version);
  const bin = path.join(place, 'bin');
  if (existsSync(bin)) return bin;
  rmSync(place, { recursive: true, force: true });
  const root = path.join(place, 'root');
  mkdirSync(root, { recursive: true });
  for (const archive of download(version, place)) unpack(archive, root);
  const aside = `${bin}.aside`;
  writePrograms(aside, bin, root);
  const told = execFileSync(path.join(aside, 'nix'), ['--version'], { encoding: 'utf8' }).trim();
  if (!told.includes(` ${version}.`)) throw new Error(`Debian's ${SUITES[version]} has another version now: ${told}`);
  execFileSync('mv', [aside, bin]);
  return bin;
}

/** The packages, fetched as for a machine that has none. */
function download(version, place) {
  const suite = SUITES[version];
  if (suite === undefined) throw new Error(`there is Nix ${Object.keys(SUITES).join(' and ')}, not ${version}`);
  const state = path.join(place, 'apt');
  const archives = path.join(state, 'archives');
  for (const each of [`${archives}/partial`, `${state}/lists/partial`]) mkdirSync(each, { recursive: true });
  writeFileSync(path.join(state, 'status'), '');
  writeFileSync(path.join(state, 'sources.list'), `deb [trusted=yes] ${mirror()} ${suite} main\n`);
  const settings = {
    'Dir::State': state,
    'Dir::State::status': path.join(state, 'status'),
    'Dir::State::Lists': path.join(state, 'lists'),
    'Dir::Etc::SourceList': path.join(state, 'sources.list'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::Cache::archives': archives,
    'APT::Install-Recommends': 'false',
    'APT::Sandbox::User': 'root',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const apt = (...words) =>
    execFileSync('apt-get', [...options, '-qq', ...words], { stdio: ['ignore', 'ignore', 'inherit'] });
  apt('update');
  apt('-y', '--download-only', 'install', 'nix-bin');
  return readdirSync(archives)
    .filter((name) => name.endsWith('.deb'))
    .map((name) => path.join(archives, name));
}

/** Where this machine has its packages from. */
function mirror() {
  for (const file of SOURCES.filter((one) => existsSync(one))) {
    const found = /^(?:URIs: *|deb (?:\[.*?\] *)?)(https?:\S+)/m.exec(readFileSync(file, 'utf8'));
    if (found !== null) return found[1];
  }
  throw new Error(`${SOURCES.join(' and ')} name no mirror of Debian`);
}

function unpack(archive, root) {
  const tree = execFileSync('dpkg-deb', ['--fsys-tarfile', archive], { maxBuffer: 1 << 30 });
  execFileSync('tar', ['-x', '-C', root, '--keep-directory-symlink'], { input: tree });
}

/** Each program runs with the libraries that came with it, on this machine's own file system. */
function writePrograms(directory, bin, root) {
  const libraries = readdirSync(path.join(root, 'usr/lib')).find((name) => name.endsWith('-linux-gnu'));
  const place = path.join(root, 'usr/lib', libraries ?? '');
  const loader = readdirSync(place).find((name) => name.startsWith('ld-linux'));
  if (loader === undefined) throw new Error(`the packages of Nix hold no loader below ${place}`);
  mkdirSync(directory, { recursive: true });
  const words = `"${path.join(place, loader)}" --library-path "${place}" --argv0 "\${0##*/}"`;
  // Nix starts itself again as the build hook: by this name.
  const text = `#!/bin/sh\nNIX_BIN_DIR="${bin}" exec ${words} "${path.join(root, 'usr/bin/nix')}" "$@"\n`;
  for (const name of PROGRAMS) writeFileSync(path.join(directory, name), text, { mode: 0o755 });
}

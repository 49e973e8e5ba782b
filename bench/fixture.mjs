// The workspace in which the need was measured: cargo 0.88.0, its library and binary, with the sibling packages that it is
// built from as members (377 units), laid out from crates.io with the lock file beside this script.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

const LOCK = fileURLToPath(new URL('fixture.lock', import.meta.url));
const ROOT = ['cargo', '0.88.0'];
/** Name, version and place of each sibling that is published with the manifest of its own repository. */
const MEMBERS = [
  ['cargo-credential', '0.4.8', 'credential'],
  ['cargo-credential-libsecret', '0.4.13', 'credential'],
  ['cargo-credential-macos-keychain', '0.4.13', 'credential'],
  ['cargo-credential-wincred', '0.4.13', 'credential'],
  ['cargo-platform', '0.2.0', 'crates'],
  ['cargo-util', '0.2.20', 'crates'],
  ['cargo-util-schemas', '0.8.1', 'crates'],
  ['crates-io', '0.40.10', 'crates'],
  ['rustfix', '0.9.0', 'crates'],
];
/** Lines of the manifests that name packages which are not published. */
const UNPUBLISHED = /^(build-rs = .*|cargo-test-macro = .*|cargo-test-support.*|.*"benches\/.*)\n/gm;

/** Lays the fixture out in `dir`, which must not exist; half of it never lies there. */
export function layFixture(dir) {
  const aside = `${dir}.aside`;
  rmSync(aside, { recursive: true, force: true });
  const archives = fetchArchives(`${aside}/fetch`);
  const tree = `${aside}/tree`;
  unpack(archives, ROOT, tree);
  for (const [name, version, place] of MEMBERS) {
    const member = path.join(tree, place, name);
    unpack(archives, [name, version], member);
    rmSync(path.join(member, 'Cargo.lock'), { force: true });
  }
  cpSync(LOCK, path.join(tree, 'Cargo.lock'));
  writeFileSync(path.join(tree, '.gitignore'), '/target\n');
  // Downloads what the build needs, so that no download is measured.
  execFileSync('cargo', ['fetch', '--quiet', '--locked'], { cwd: tree, stdio: ['ignore', 'inherit', 'inherit'] });
  const git = (...args) =>
    execFileSync('git', ['-c', 'user.name=fixture', '-c', 'user.email=fixture@localhost', ...args], { cwd: tree });
  git('init', '--quiet');
  git('add', '--all');
  git('commit', '--quiet', '--message', 'cargo 0.88.0');
  renameSync(tree, dir);
  rmSync(aside, { recursive: true });
}

/** Has cargo fetch the packages and check them against the registry; gives where their archives lie. */
function fetchArchives(asking) {
  mkdirSync(path.join(asking, 'src'), { recursive: true });
  writeFileSync(path.join(asking, 'src/lib.rs'), '');
  const wanted = [ROOT, ...MEMBERS].map(([name, version]) => `${name} = "=${version}"`);
  const manifest = `[package]\nname = "ask"\nedition = "2021"\n\n[dependencies]\n${wanted.join('\n')}\n\n[workspace]\n`;
  writeFileSync(path.join(asking, 'Cargo.toml'), manifest);
  execFileSync('cargo', ['fetch', '--quiet'], { cwd: asking, stdio: ['ignore', 'inherit', 'inherit'] });
  const cache = path.join(process.env.CARGO_HOME ?? path.join(os.homedir(), '.cargo'), 'registry/cache');
  return readdirSync(cache).map((registry) => path.join(cache, registry));
}

/** Unpacks a package as its repository has it: the manifest with workspace inheritance, not the one made for publishing. */
function unpack(archives, [name, version], place) {
  const archive = archives
    .map((cache) => path.join(cache, `${name}-${version}.crate`))
    .find((file) => existsSync(file));
  if (archive === undefined) throw new Error(`cargo fetched no ${name}-${version}.crate`);
  mkdirSync(place, { recursive: true });
  execFileSync('tar', ['-xzf', archive, '-C', place, '--strip-components=1']);
  renameSync(path.join(place, 'Cargo.toml.orig'), path.join(place, 'Cargo.toml'));
  const manifest = path.join(place, 'Cargo.toml');
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replaceAll(UNPUBLISHED, ''));
}

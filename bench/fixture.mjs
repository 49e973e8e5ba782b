// The workspace in which the need was measured: cargo 0.88.0, its library and binary, with the sibling packages that it is
// built from as members (377 units), laid out from crates.io with the lock file beside this script.
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchCrates, unpackCrate } from '../scripts/crates.mjs';

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
  const [root, ...members] = fetchCrates([ROOT, ...MEMBERS], `${aside}/fetch`);
  const tree = `${aside}/tree`;
  unpack(root, tree);
  for (const [index, [name, , place]] of MEMBERS.entries()) {
    const member = path.join(tree, place, name);
    unpack(members[index], member);
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

/** Unpacks a package as its repository has it: the manifest with workspace inheritance, not the one made for publishing. */
function unpack(archive, place) {
  unpackCrate(archive, place);
  renameSync(path.join(place, 'Cargo.toml.orig'), path.join(place, 'Cargo.toml'));
  const manifest = path.join(place, 'Cargo.toml');
  writeFileSync(manifest, readFileSync(manifest, 'utf8').replaceAll(UNPUBLISHED, ''));
}

// Packages of crates.io, as they were published: cargo fetches each and checks it against the registry's checksum.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

/**
 * The archives of `packages` (`[name, version]` each) in cargo's download cache, in their order. `scratch` is a directory
 * for the asking; it is removed.
 */
export function fetchCrates(packages, scratch) {
  mkdirSync(path.join(scratch, 'src'), { recursive: true });
  writeFileSync(path.join(scratch, 'src/lib.rs'), '');
  const wanted = packages.map(([name, version]) => `${name} = "=${version}"`);
  const manifest = `[package]\nname = "ask"\nedition = "2021"\n\n[dependencies]\n${wanted.join('\n')}\n\n[workspace]\n`;
  writeFileSync(path.join(scratch, 'Cargo.toml'), manifest);
  execFileSync('cargo', ['fetch', '--quiet'], { cwd: scratch, stdio: ['ignore', 'inherit', 'inherit'] });
  rmSync(scratch, { recursive: true });
  const cache = path.join(process.env.CARGO_HOME ?? path.join(os.homedir(), '.cargo'), 'registry/cache');
  const registries = readdirSync(cache).map((registry) => path.join(cache, registry));
  return packages.map(([name, version]) => {
    const found = registries
      .map((place) => path.join(place, `${name}-${version}.crate`))
      .find((file) => existsSync(file));
    if (found === undefined) throw new Error(`cargo fetched no ${name}-${version}.crate into ${cache}`);
    return found;
  });
}

/** Unpacks an archive into `place`, without the folder that it has at its top. */
export function unpackCrate(archive, place) {
  mkdirSync(place, { recursive: true });
  execFileSync('tar', ['-xzf', archive, '-C', place, '--strip-components=1']);
}

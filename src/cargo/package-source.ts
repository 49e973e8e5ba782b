/** Where a package's files lie, and how they are known to be the right ones. */
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../sys/errors.ts';
import type { LockFile, SpecParts } from './lock-file.ts';
import type { PackageSource } from './types.ts';

export interface PackagePlace {
  /** Absolute directory of its `Cargo.toml`. */
  readonly root: string;
  readonly source: PackageSource;
}

export interface PlaceContext {
  readonly cargoHome: string;
  readonly lock: LockFile;
  /** Directories of `local-registry` sources in the configuration. */
  readonly localRegistries: readonly string[];
  isMember(root: string): boolean;
}

/**
 * Finds a package by its id and the source file of one of its targets. Throws `UserError`: D0120 where the archive of a
 * registry package is missing, D0121 where the lock file has no checksum for it, D0122 where its manifest is not found.
 */
export function placeOf(spec: SpecParts, sourceFile: string, context: PlaceContext): PackagePlace {
  if (spec.source.startsWith('path+')) {
    const root = fileURLToPath(spec.source.slice('path+'.length));
    return { root, source: { kind: 'path', member: context.isMember(root) } };
  }
  const locked = context.lock.find(spec);
  const unpacked = belowHome(sourceFile, context.cargoHome, join('registry', 'src'));
  if (unpacked) {
    const [registry, directory] = unpacked.rest;
    const root = join(unpacked.base, registry ?? '', directory ?? '');
    return { root, source: crateSource(spec, locked?.checksum ?? null, registry ?? '', context) };
  }
  const checkout = belowHome(sourceFile, context.cargoHome, join('git', 'checkouts'));
  if (checkout) {
    const [repository, short] = checkout.rest;
    const top = join(checkout.base, repository ?? '', short ?? '');
    const revision = /#([0-9a-f]+)$/.exec(locked?.source ?? '')?.[1] ?? short ?? '';
    return { root: above(sourceFile, 'Cargo.toml', spec), source: { kind: 'git', checkout: top, revision } };
  }
  const root = above(sourceFile, '.cargo-checksum.json', spec);
  return { root, source: { kind: 'vendored', sha256: locked?.checksum ?? null } };
}

function crateSource(spec: SpecParts, checksum: string | null, registry: string, context: PlaceContext): PackageSource {
  const file = `${spec.name}-${spec.version}.crate`;
  const label = `\`${spec.name} ${spec.version}\``;
  if (checksum === null) {
    throw new UserError('D0121', `Cargo.lock has no checksum for ${label}`, 'run `cargo update -p` for this package');
  }
  const places = [join(context.cargoHome, 'registry', 'cache', registry), ...context.localRegistries];
  const archive = places.map((place) => join(place, file)).find((path) => existsSync(path));
  if (archive === undefined) {
    throw new UserError(
      'D0120',
      `the archive of ${label} is missing: ${join(places[0] ?? '', file)}`,
      'run `cargo fetch`, which downloads it again',
    );
  }
  return { kind: 'crate', archive, sha256: checksum };
}

/** `file` as the parts below `<cargo home>/<place>`, cargo's home as it is named or as it really lies. */
function belowHome(file: string, cargoHome: string, place: string): { base: string; rest: readonly string[] } | null {
  for (const home of new Set([cargoHome, realHome(cargoHome)])) {
    const base = join(home, place);
    if (file.startsWith(`${base}/`)) return { base, rest: file.slice(base.length + 1).split('/') };
  }
  return null;
}

const realHomes = new Map<string, string>();

function realHome(cargoHome: string): string {
  let real = realHomes.get(cargoHome);
  if (real === undefined) {
    try {
      real = realpathSync(cargoHome);
    } catch {
      real = cargoHome;
    }
    realHomes.set(cargoHome, real);
  }
  return real;
}

/** The nearest directory above `file` that has `marker` in it. */
function above(file: string, marker: string, spec: SpecParts): string {
  for (let directory = dirname(file); ; directory = dirname(directory)) {
    if (existsSync(join(directory, marker))) return directory;
    if (dirname(directory) === directory) break;
  }
  throw new UserError(
    'D0122',
    `no \`${marker}\` was found above \`${file}\` of \`${spec.name} ${spec.version}\``,
    'run `cargo fetch`, or `cargo vendor` for vendored packages',
  );
}

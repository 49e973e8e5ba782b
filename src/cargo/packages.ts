/** The packages of a unit graph, with what their manifests say. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { readCrate, unusable } from './crate-archive.ts';
import type { DiskCache } from './disk-cache.ts';
import { parsePackageId } from './lock-file.ts';
import { type ManifestFacts, manifestFacts, workspaceManifestOf } from './manifest.ts';
import { type PackagePlace, type PlaceContext, placeOf } from './package-source.ts';
import { fieldOf } from './tables.ts';
import type { Package, PackageId, PackageSource, Target, UnitGraph } from './types.ts';

/** Changes when `ManifestFacts` or the rules behind it do. */
const factsVersion = 1;

export interface PackagesRequest extends PlaceContext {
  readonly graph: UnitGraph;
  readonly workspaceRoot: string;
  /** Names of registries by the addresses of their indices, as the configuration has them. */
  readonly registryNames: ReadonlyMap<string, string>;
  /** Targets of a member, from cargo; null for a directory that is no member. */
  memberTargets(root: string): readonly Target[] | null;
}

/** What `readPackages` found. */
export interface PackagesFound {
  readonly packages: ReadonlyMap<PackageId, Package>;
  /** Manifests outside of the workspace that name unstable features of cargo. */
  readonly unstable: readonly string[];
}

/** All packages that have a unit, by id. Throws `UserError` as `placeOf`, and D0123 for an archive that is not the one that was locked. */
export function readPackages(
  request: PackagesRequest,
  cache: DiskCache,
  manifest: (path: string) => unknown,
): PackagesFound {
  const targets = targetsById(request.graph);
  const registryFacts = factsOfCrates(request.workspaceRoot, cache);
  const unstable: string[] = [];
  const packages = new Map<PackageId, Package>();
  for (const [id, own] of targets) {
    const spec = parsePackageId(id);
    const place = placeOf(spec, own[0]?.src_path ?? '', request);
    const facts =
      place.source.kind === 'crate'
        ? registryFacts.of(spec.name, spec.version, place.source)
        : localFacts(place, manifest);
    if (place.source.kind === 'git' || (place.source.kind === 'path' && !place.source.member)) {
      const path = join(place.root, 'Cargo.toml');
      if (fieldOf(manifest(path), 'cargo-features') !== undefined) unstable.push(path);
    }
    packages.set(id, {
      ...facts,
      id,
      name: spec.name,
      version: spec.version,
      root: place.root,
      manifestPath: join(place.root, 'Cargo.toml'),
      source: place.source,
      registry: request.registryNames.get(id.replace(/#.*$/, '').replace(/^registry\+/, '')) ?? null,
      targets: request.memberTargets(place.root) ?? own,
    });
  }
  registryFacts.save();
  return { packages, unstable };
}

function targetsById(graph: UnitGraph): ReadonlyMap<PackageId, readonly Target[]> {
  const byId = new Map<PackageId, Map<string, Target>>();
  for (const { pkg_id: id, target } of graph.units) {
    let own = byId.get(id);
    if (!own) {
      own = new Map<string, Target>();
      byId.set(id, own);
    }
    own.set(`${target.kind.join()} ${target.name}`, target);
  }
  return new Map([...byId].map(([id, own]) => [id, [...own.values()]]));
}

function localFacts(place: PackagePlace, read: (path: string) => unknown): ManifestFacts {
  const manifest = read(join(place.root, 'Cargo.toml'));
  return manifestFacts({
    manifest,
    root: place.root,
    hasFile: (file) => existsSync(join(place.root, file)),
    workspace: workspaceManifestOf(place.root, manifest, read),
  });
}

/** Parses a manifest once. */
export function manifestReader(): (path: string) => unknown {
  const known = new Map<string, unknown>();
  return (path) => {
    if (known.has(path)) return known.get(path);
    const manifest: unknown = parse(readFileSync(path, 'utf8'));
    known.set(path, manifest);
    return manifest;
  };
}

interface CrateFacts {
  of(name: string, version: string, source: PackageSource & { kind: 'crate' }): ManifestFacts;
  save(): void;
}

/**
 * Facts of registry packages, by checksum: read out of the archive that the checksum names, never out of the unpacked
 * copy. One record per workspace holds all that its last build needed; behind it there is one per package.
 */
function factsOfCrates(workspaceRoot: string, cache: DiskCache): CrateFacts {
  const key = [factsVersion, workspaceRoot];
  const before = asRecord(cache.read('packages', key));
  const now: Record<string, ManifestFacts> = {};
  let complete = true;
  return {
    of(name, version, { archive, sha256 }) {
      const id = `${name} ${version} ${sha256}`;
      let facts = before[id];
      if (!facts) {
        complete = false;
        facts = crateFacts(name, version, archive, sha256, cache);
      }
      now[id] = facts;
      return facts;
    },
    save() {
      if (!complete) cache.write('packages', key, { ...before, ...now });
    },
  };
}

function crateFacts(name: string, version: string, archive: string, sha256: string, cache: DiskCache): ManifestFacts {
  const key = [factsVersion, name, version, sha256];
  const known = cache.read('package', key);
  if (known !== null) return known as ManifestFacts;
  const files = readCrate(archive, sha256);
  const manifest = files.ok ? files.value.get('Cargo.toml') : undefined;
  if (!files.ok || !manifest) {
    throw unusable(`${name} ${version}`, archive, sha256, files.ok ? { why: 'damaged' } : files.failure);
  }
  const facts = manifestFacts({
    manifest: parse(manifest.toString('utf8')),
    root: null,
    hasFile: (file) => files.value.has(file),
    workspace: null,
  });
  cache.write('package', key, facts);
  return facts;
}

function asRecord(value: unknown): Readonly<Record<string, ManifestFacts>> {
  return value !== null && typeof value === 'object' ? (value as Record<string, ManifestFacts>) : {};
}

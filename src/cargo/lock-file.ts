/** `Cargo.lock`, versions 1 to 4: where each package comes from and its archive's checksum. */
import type { PackageId } from './types.ts';

export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** `registry+…`, `sparse+…`, `git+…?branch=…#revision`; null for a path package. */
  readonly source: string | null;
  /** sha256 of the `.crate`; null where the source has none. */
  readonly checksum: string | null;
}

export interface LockFile {
  /** The entry of a registry or git package; null where there is none. */
  find(id: SpecParts): LockedPackage | null;
}

/** The parts of a package id specification. */
export interface SpecParts {
  /** Kind and URL without `#…`: `registry+https://…`, `git+https://…?rev=…`, `path+file:///…`. */
  readonly source: string;
  readonly name: string;
  readonly version: string;
}

/**
 * Splits `registry+URL#name@1.0.0` or `path+file:///dir/name#1.0.0`: the name is left out where the URL ends in it.
 * Rule: cargo book, "Package ID Specifications".
 */
export function parsePackageId(id: PackageId): SpecParts {
  const hash = id.lastIndexOf('#');
  const source = hash < 0 ? id : id.slice(0, hash);
  const fragment = hash < 0 ? '' : id.slice(hash + 1);
  const at = fragment.indexOf('@');
  if (at >= 0) return { source, name: fragment.slice(0, at), version: fragment.slice(at + 1) };
  const path = source.split('?')[0] ?? source;
  const last = decodeURIComponent(path.slice(path.lastIndexOf('/') + 1));
  return { source, name: last, version: fragment };
}

/**
 * The specification for an id in the form of cargo before 1.86, `name version (source)`; others come back as they are. The
 * unit graph had it longer than `cargo metadata` and the messages did.
 */
export function asSpecification(id: string): PackageId {
  const match = /^(\S+) (\S+) \((.*)\)$/.exec(id);
  if (!match) return id;
  const [, name = '', version = '', source = ''] = match;
  const url = source.split('#')[0] ?? '';
  const path = url.split('?')[0] ?? '';
  const fragment = path.slice(path.lastIndexOf('/') + 1) === name ? version : `${name}@${version}`;
  return `${url}#${fragment}`;
}

/**
 * Reads the text of a lock file. Only cargo writes it, always in the same form, so lines are enough: a TOML parser takes
 * ten times as long.
 */
export function parseLockFile(text: string): LockFile {
  const packages: LockedPackage[] = [];
  const oldChecksums = new Map<string, string>();
  let current: { name: string; version: string; source: string | null; checksum: string | null } | null = null;
  let inMetadata = false;

  let start = 0;
  while (start < text.length) {
    let end = text.indexOf('\n', start);
    if (end < 0) end = text.length;
    const first = text.charCodeAt(start);
    if (first === 0x5b) {
      const line = text.slice(start, end).trimEnd();
      inMetadata = line === '[metadata]';
      current = line === '[[package]]' ? { name: '', version: '', source: null, checksum: null } : null;
      if (current) packages.push(current);
    } else if (first !== 0x20 && first !== 0x22) {
      if (current) field(text.slice(start, end), current);
    } else if (first === 0x22 && inMetadata) {
      // Versions 1: "checksum NAME VERSION (SOURCE)" = "hash"
      const match = /^"checksum (\S+) (\S+) \((.*)\)" = "([0-9a-f]+)"/.exec(text.slice(start, end));
      if (match) oldChecksums.set(`${match[1]} ${match[2]} ${match[3]}`, match[4] ?? '');
    }
    start = end + 1;
  }

  const byKey = new Map<string, LockedPackage>();
  const byName = new Map<string, LockedPackage[]>();
  for (const entry of packages) {
    if (entry.source === null) continue;
    const old = oldChecksums.get(`${entry.name} ${entry.version} ${entry.source}`);
    const locked = entry.checksum === null && old !== undefined ? { ...entry, checksum: old } : entry;
    const source = entry.source.split('#')[0] ?? '';
    byKey.set(`${entry.name} ${entry.version} ${source}`, locked);
    const same = byName.get(`${entry.name} ${entry.version}`);
    if (same) same.push(locked);
    else byName.set(`${entry.name} ${entry.version}`, [locked]);
  }
  return {
    find({ name, version, source }) {
      const exact = byKey.get(`${name} ${version} ${source}`);
      if (exact) return exact;
      // Older lock files spell a URL's query otherwise; a name and version that occur once are unmistakable.
      const kind = source.slice(0, source.indexOf('+'));
      const same = byName.get(`${name} ${version}`)?.filter((entry) => entry.source?.startsWith(`${kind}+`));
      return same?.length === 1 ? (same[0] ?? null) : null;
    },
  };
}

function field(line: string, into: { name: string; version: string; source: string | null; checksum: string | null }) {
  const equals = line.indexOf(' = "');
  if (equals < 0) return;
  const value = line.slice(equals + 4, line.lastIndexOf('"'));
  switch (line.slice(0, equals)) {
    case 'name':
      into.name = value;
      break;
    case 'version':
      into.version = value;
      break;
    case 'source':
      into.source = value;
      break;
    case 'checksum':
      into.checksum = value;
      break;
  }
}

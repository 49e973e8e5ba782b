/** What a `Cargo.toml` says of its package, inheritance applied. */
import { existsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { lintFlags } from './lints.ts';
import { compare, entriesOf, fieldOf, textOf } from './tables.ts';
import type { Package } from './types.ts';

/** The part of a `Package` that is in the manifest. */
export type ManifestFacts = Pick<
  Package,
  | 'name'
  | 'version'
  | 'authors'
  | 'description'
  | 'homepage'
  | 'repository'
  | 'license'
  | 'licenseFile'
  | 'readme'
  | 'rustVersion'
  | 'links'
  | 'features'
  | 'lintFlags'
  | 'metadata'
>;

/** A manifest and the manifest of the workspace that it inherits from. */
export interface ManifestSource {
  readonly manifest: unknown;
  /** Directory of the manifest; null for one in an archive. */
  readonly root: string | null;
  /** Whether there is a file of that name beside the manifest. */
  hasFile(name: string): boolean;
  readonly workspace: { readonly manifest: unknown; readonly root: string } | null;
}

/** Reads the facts. The manifest is one that cargo accepted: what is missing or odd is left empty. */
export function manifestFacts(source: ManifestSource): ManifestFacts {
  const pkg = fieldOf(source.manifest, 'package') ?? fieldOf(source.manifest, 'project');
  const shared = fieldOf(fieldOf(source.workspace?.manifest, 'workspace'), 'package');
  const inherited = (key: string): boolean => fieldOf(fieldOf(pkg, key), 'workspace') === true;
  const field = (key: string): unknown => (inherited(key) ? fieldOf(shared, key) : fieldOf(pkg, key));
  const text = (key: string): string => {
    const value = field(key);
    return typeof value === 'string' ? value : '';
  };
  const file = (key: string): string => {
    const value = text(key);
    if (value === '' || !inherited(key) || source.workspace === null || source.root === null) return value;
    return join(relative(source.root, source.workspace.root), value);
  };
  const authors = field('authors');
  const lints = fieldOf(source.manifest, 'lints');
  const sharedLints = fieldOf(fieldOf(source.workspace?.manifest, 'workspace'), 'lints');
  return {
    name: text('name'),
    version: text('version') || '0.0.0',
    authors: Array.isArray(authors) ? authors.map(String) : [],
    description: text('description'),
    homepage: text('homepage'),
    repository: text('repository'),
    license: text('license'),
    licenseFile: file('license-file'),
    readme: readme(field('readme'), file('readme'), source),
    rustVersion: text('rust-version'),
    links: textOf(pkg, 'links') || null,
    features: declaredFeatures(source.manifest),
    lintFlags: lintFlags(fieldOf(lints, 'workspace') === true ? sharedLints : lints),
    metadata: fieldOf(pkg, 'metadata') ?? null,
  };
}

/** `readme = false`: none; `true`: `README.md`; nothing said: the first of the usual names that exists. */
function readme(value: unknown, file: string, source: ManifestSource): string {
  if (value === false) return '';
  if (value === true) return 'README.md';
  if (typeof value === 'string') return file;
  return ['README.md', 'README.txt', 'README'].find((name) => source.hasFile(name)) ?? '';
}

/**
 * `[features]` and, for each optional dependency that no feature names as `dep:…`, the feature of its own name; sorted.
 * Rule: cargo book, "Optional dependencies".
 */
export function declaredFeatures(manifest: unknown): readonly string[] {
  const table = entriesOf(fieldOf(manifest, 'features'));
  const features = new Set(table.map(([name]) => name));
  const hidden = new Set<string>();
  for (const [, values] of table) {
    for (const value of Array.isArray(values) ? values : []) {
      if (typeof value === 'string' && value.startsWith('dep:')) hidden.add(value.slice(4));
    }
  }
  for (const place of [manifest, ...entriesOf(fieldOf(manifest, 'target')).map(([, table]) => table)]) {
    for (const kind of ['dependencies', 'build-dependencies', 'build_dependencies']) {
      for (const [name, dependency] of entriesOf(fieldOf(place, kind))) {
        if (fieldOf(dependency, 'optional') === true && !hidden.has(name)) features.add(name);
      }
    }
  }
  return [...features].toSorted(compare);
}

/** The manifest above `root` that a package there belongs to: `package.workspace`, else the nearest with `[workspace]`. */
export function workspaceManifestOf(
  root: string,
  manifest: unknown,
  read: (path: string) => unknown,
): { readonly manifest: unknown; readonly root: string } | null {
  if (fieldOf(manifest, 'workspace') !== undefined) return { manifest, root };
  const named = textOf(fieldOf(manifest, 'package'), 'workspace');
  if (named !== '') {
    const directory = join(root, named);
    return { manifest: read(join(directory, 'Cargo.toml')), root: directory };
  }
  for (let directory = dirname(root); ; directory = dirname(directory)) {
    const path = join(directory, 'Cargo.toml');
    const found = existsSync(path) ? read(path) : undefined;
    if (fieldOf(found, 'workspace') !== undefined) return { manifest: found, root: directory };
    if (dirname(directory) === directory) return null;
  }
}

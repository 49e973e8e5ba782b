/** Which manifests on this machine decide the graph: members, path dependencies, patches, `paths`. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { entriesOf, fieldOf, textOf } from './tables.ts';

/**
 * Follows path dependencies from the members on, optional and development ones too: cargo reads them to resolve, whether
 * or not they get a unit. `read` parses a manifest; what cannot be parsed is listed and not followed.
 */
export function localManifests(
  workspaceRoot: string,
  memberRoots: readonly string[],
  pathOverrides: readonly string[],
  read: (path: string) => unknown,
): readonly string[] {
  const found = new Set<string>();
  const visit = (root: string) => {
    const path = join(root, 'Cargo.toml');
    if (found.has(path)) return;
    found.add(path);
    if (!existsSync(path)) return;
    let manifest: unknown;
    try {
      manifest = read(path);
    } catch {
      return;
    }
    for (const directory of pathsIn(manifest)) visit(resolve(root, directory));
  };
  for (const root of [workspaceRoot, ...memberRoots, ...pathOverrides]) visit(root);
  return [...found];
}

function pathsIn(manifest: unknown): readonly string[] {
  const places = [manifest, fieldOf(manifest, 'workspace'), ...tablesOf(fieldOf(manifest, 'target'))];
  const kinds = ['dependencies', 'dev-dependencies', 'build-dependencies', 'dev_dependencies', 'build_dependencies'];
  const tables = [
    ...places.flatMap((place) => kinds.map((kind) => fieldOf(place, kind))),
    ...tablesOf(fieldOf(manifest, 'patch')),
    fieldOf(manifest, 'replace'),
  ];
  return tables.flatMap(tablesOf).flatMap((dependency) => {
    const path = textOf(dependency, 'path');
    return path === '' && fieldOf(dependency, 'path') === undefined ? [] : [path];
  });
}

function tablesOf(value: unknown): readonly unknown[] {
  return entriesOf(value).map(([, item]) => item);
}

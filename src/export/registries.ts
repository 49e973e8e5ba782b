/** Where the archive of a registry package can be fetched from (The Cargo book, "Index Format": `dl`). */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Package } from '../cargo/types.ts';

export interface Registries {
  /** null: the registry does not say, or cargo keeps no readable copy of what it says. `cached`: below `registry/cache`. */
  download(pkg: Package, checksum: string, cached: string | null): string | null;
}

export function registriesOf(cargoHome: string): Registries {
  const templates = new Map<string, string | null>();
  return {
    download(pkg, checksum, cached) {
      if (cached === null) return null;
      const registry = cached.split('/')[0] ?? '';
      let template = templates.get(registry);
      if (template === undefined) {
        template = readTemplate(path.join(cargoHome, 'registry', 'index', registry, 'config.json'));
        templates.set(registry, template);
      }
      return template === null ? null : expand(template, pkg, checksum);
    },
  };
}

function readTemplate(file: string): string | null {
  try {
    const { dl } = JSON.parse(fs.readFileSync(file, 'utf8')) as { dl?: unknown };
    return typeof dl === 'string' ? dl : null;
  } catch {
    return null;
  }
}

function expand(template: string, { name, version }: Package, checksum: string): string {
  const marked = /\{(crate|version|prefix|lowerprefix|sha256-checksum)\}/.test(template);
  const prefix = prefixOf(name);
  return (marked ? template : `${template}/{crate}/{version}/download`)
    .replaceAll('{crate}', name)
    .replaceAll('{version}', version)
    .replaceAll('{prefix}', prefix)
    .replaceAll('{lowerprefix}', prefix.toLowerCase())
    .replaceAll('{sha256-checksum}', checksum);
}

/** The directories of an index that a name stands in. */
function prefixOf(name: string): string {
  if (name.length <= 2) return String(name.length);
  if (name.length === 3) return `3/${name[0] ?? ''}`;
  return `${name.slice(0, 2)}/${name.slice(2, 4)}`;
}

/** What the plan needs of manifests and neither cargo's unit graph nor its metadata tells. */
import * as fs from 'node:fs';
import { parse } from 'smol-toml';
import type { Config, Target } from '../cargo/types.ts';
import { isLibrary, kindOf } from './target.ts';

type Table = Readonly<Record<string, unknown>>;

export interface Manifests {
  /** `harness` of a target that is compiled as a test or bench; cargo's default is true. */
  harness(manifestPath: string, target: Target): boolean;
  /** What `PROFILE` says: the built-in profile that a profile inherits from in the end. */
  profileRoot(rootManifest: string, config: Config, profile: string): 'debug' | 'release';
}

/** Each manifest is read at most once. A manifest that does not parse counts as empty: cargo has accepted it before. */
export function readManifests(): Manifests {
  const known = new Map<string, Table>();
  const read = (file: string): Table => {
    let table = known.get(file);
    if (table === undefined) {
      table = readToml(file);
      known.set(file, table);
    }
    return table;
  };
  return {
    harness: (manifestPath, target) => harness(read(manifestPath), target),
    profileRoot: (rootManifest, config, profile) => profileRoot(() => read(rootManifest), config, profile),
  };
}

function harness(manifest: Table, target: Target): boolean {
  if (isLibrary(target)) return table(manifest['lib'])['harness'] !== false;
  const entries = manifest[kindOf(target)];
  if (!Array.isArray(entries)) return true;
  const entry = entries.map(table).find((candidate) => candidate['name'] === target.name);
  return entry?.['harness'] !== false;
}

function profileRoot(manifest: () => Table, config: Config, profile: string): 'debug' | 'release' {
  const seen = new Set<string>();
  let name = profile;
  while (!seen.has(name)) {
    seen.add(name);
    if (name === 'release' || name === 'bench') return 'release';
    if (name === 'dev' || name === 'test') return 'debug';
    const declared = config.get(`profile.${name}.inherits`) ?? table(table(manifest()['profile'])[name])['inherits'];
    if (typeof declared !== 'string') break;
    name = declared;
  }
  return 'debug';
}

function readToml(file: string): Table {
  try {
    return parse(fs.readFileSync(file, 'utf8'));
  } catch {
    return {};
  }
}

function table(value: unknown): Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Table) : {};
}

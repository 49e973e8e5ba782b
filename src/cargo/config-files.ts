/** Finds and reads cargo's configuration: the files above a directory, cargo's home, includes and `--config`. */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'smol-toml';
import { errnoOf, UserError } from '../sys/errors.ts';
import { byRank, isMergedList, merge, type Node, nodeOf, type Origin, outranks } from './config-value.ts';

/** The merged files and arguments. Environment variables are looked up per key, as cargo does it. */
export interface ConfigTree {
  /** The value of a key by its parts (`['target', 'x86_64-…', 'linker']`), environment included. */
  lookup(parts: readonly string[]): Node | null;
  /** The same without environment: tables whose keys are not known beforehand. */
  fromFiles(parts: readonly string[]): Node | null;
  /** Files read, and places where a file would have been read. */
  readonly files: readonly string[];
  readonly cwd: string;
}

export interface ConfigPlace {
  readonly cwd: string;
  readonly cargoHome: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Values of `--config`, in order. */
  readonly overrides: readonly string[];
}

/**
 * Reads the whole configuration that cargo would use in `place.cwd`. Throws `UserError` D0110 for a file that cannot be
 * read or parsed; cargo itself refuses such a file as well. Rule: cargo book, "Configuration".
 */
export function readConfig(place: ConfigPlace): ConfigTree {
  const files: string[] = [];
  const top: Origin = { kind: 'file', path: join(place.cwd, '.cargo', 'config.toml') };
  let root: Node = { type: 'table', entries: new Map(), origin: top };
  for (const path of discovered(place, files)) root = merge(root, load(path, 'file', place, files, new Set()), false);
  for (const override of place.overrides) root = merge(root, commandLine(override, place, files), true);

  const fromFiles = (parts: readonly string[]): Node | null => {
    let node: Node | undefined = root;
    for (const part of parts) {
      if (node?.type !== 'table') return null;
      node = node.entries.get(part);
    }
    return node ?? null;
  };
  const lookup = (parts: readonly string[]): Node | null => {
    const node = fromFiles(parts);
    const name = variableOf(parts);
    const value = place.environment[name];
    if (value === undefined) return node;
    return withEnvironment(node, value, { kind: 'environment', name }, parts.join('.'));
  };
  return { lookup, fromFiles, files, cwd: place.cwd };
}

/** `build.target-dir` -> `CARGO_BUILD_TARGET_DIR`. */
export function variableOf(parts: readonly string[]): string {
  return `CARGO_${parts.join('_').toUpperCase().replaceAll('-', '_').replaceAll('.', '_')}`;
}

function withEnvironment(node: Node | null, text: string, origin: Origin, key: string): Node | null {
  if (node?.type === 'list') {
    const words: Node[] = text
      .split(/\s+/)
      .flatMap((value) => (value === '' ? [] : [{ type: 'scalar', value, origin }]));
    if (isMergedList(key)) return { ...node, items: byRank([...node.items, ...words]) };
    return outranks(node.origin, origin) ? node : { type: 'list', items: words, origin };
  }
  if (node && (node.type === 'table' || !outranks(origin, node.origin))) return node;
  if (text === 'true' || text === 'false') return { type: 'scalar', value: text === 'true', origin };
  if (/^[+-]?\d{1,15}$/.test(text)) return { type: 'scalar', value: Number(text), origin };
  return { type: 'scalar', value: text, origin };
}

/** Configuration files from `cwd` upwards, then cargo's home; every place looked at goes into `probed`. */
function discovered(place: ConfigPlace, probed: string[]): string[] {
  const found: string[] = [];
  const seen = new Set<string>();
  const look = (directory: string) => {
    // The name without an extension wins where both exist.
    const candidates = [join(directory, 'config'), join(directory, 'config.toml')];
    probed.push(...candidates);
    const path = candidates.find((candidate) => existsSync(candidate));
    if (path !== undefined) found.push(path);
  };
  for (let directory = place.cwd; ; directory = dirname(directory)) {
    const candidate = join(directory, '.cargo');
    look(candidate);
    seen.add(canonical(candidate));
    if (dirname(directory) === directory) break;
  }
  if (!seen.has(canonical(place.cargoHome))) look(place.cargoHome);
  return found;
}

function canonical(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function load(
  path: string,
  kind: 'file' | 'command-line',
  place: ConfigPlace,
  files: string[],
  seen: Set<string>,
): Node {
  if (seen.has(path)) throw unreadable(path, 'it includes itself');
  seen.add(path);
  if (!files.includes(path)) files.push(path);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(path, errnoOf(error) ?? 'it cannot be read');
  }
  return includes(parseTable(text, path, { kind, path }), place, files, seen);
}

function parseTable(text: string, what: string, origin: Origin): Node {
  let table: unknown;
  try {
    table = parse(text);
  } catch (error) {
    throw unreadable(what, error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'it is not TOML');
  }
  return nodeOf(table, origin) ?? { type: 'table', entries: new Map(), origin };
}

function commandLine(override: string, place: ConfigPlace, files: string[]): Node {
  const path = resolve(place.cwd, override);
  if (override !== '' && existsSync(path)) return load(path, 'command-line', place, files, new Set());
  const node = parseTable(override, `--config ${override}`, { kind: 'command-line', path: null });
  return includes(node, place, files, new Set());
}

/** Merges the files that `include` names below the including one. */
function includes(node: Node, place: ConfigPlace, files: string[], seen: Set<string>): Node {
  if (node.type !== 'table') return node;
  const include = node.entries.get('include');
  const entries = new Map(node.entries);
  entries.delete('include');
  let merged: Node = { type: 'table', entries: new Map(), origin: node.origin };
  for (const item of include?.type === 'list' ? include.items : []) {
    const path = item.type === 'table' ? item.entries.get('path') : item;
    if (path?.type !== 'scalar') continue;
    const optional = item.type === 'table' && item.entries.get('optional');
    const at = item.origin.kind === 'environment' || item.origin.path === null ? place.cwd : dirname(item.origin.path);
    const file = resolve(at, String(path.value));
    if (optional && optional.type === 'scalar' && optional.value === true && !existsSync(file)) {
      files.push(file);
      continue;
    }
    const kind = item.origin.kind === 'command-line' ? 'command-line' : 'file';
    merged = merge(merged, load(file, kind, place, files, seen), true);
  }
  return merge(merged, { ...node, entries }, true);
}

function unreadable(what: string, why: string): UserError {
  return new UserError(
    'D0110',
    `the cargo configuration \`${what}\` cannot be used: ${why}`,
    'correct the file or argument',
  );
}

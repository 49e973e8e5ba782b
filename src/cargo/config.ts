/** The effective configuration, as far as building reads it. */
import { basename } from 'node:path';
import { UserError } from '../sys/errors.ts';
import { cfgMatches } from './cfg-expression.ts';
import type { ConfigTree } from './config-files.ts';
import { joined, type Node, plain, rootOf } from './config-value.ts';
import { linksOverride } from './links-override.ts';
import type { Config } from './types.ts';

/** What the configuration's answers depend on. `cfgs` are those of rustc with the flags that hold for the platform. */
export interface ConfigContext {
  readonly host: string;
  /** `--target` or `build.target` names platforms: units of the host then get no flags. */
  readonly targetsNamed: boolean;
  readonly environment: Readonly<Record<string, string>>;
  cfgs(platform: string | null): readonly string[];
}

/** Views `tree` as cargo's build does. Throws `UserError` D0111 where two `cfg` tables name a linker or a runner. */
export function makeConfig(tree: ConfigTree, context: ConfigContext): Config {
  const triple = (platform: string | null) => (platform === null ? context.host : shortName(platform));
  const program = (node: Node | null): string | null => {
    if (node?.type !== 'scalar') return null;
    const value = String(node.value);
    return value.includes('/') ? joined(rootOf(node.origin, tree.cwd), value) : value;
  };
  const ofTarget = (platform: string | null, key: 'linker' | 'runner'): Node | null => {
    const direct = tree.lookup(['target', triple(platform), key]);
    if (direct) return direct;
    const matching = cfgTables(tree)
      .filter(([name, table]) => table.has(key) && cfgMatches(name, context.cfgs(platform)))
      .map(([name, table]) => ({ name, node: table.get(key) ?? null }));
    if (matching.length > 1) throw ambiguous(key, matching[0]?.name ?? '', matching[1]?.name ?? '');
    return matching[0]?.node ?? null;
  };

  return {
    env: environmentTable(tree),
    rustflags: (platform) =>
      rustflags(tree, { ...context, platform, triple: triple(platform), cfgs: context.cfgs(platform) }),
    rustdocflags: (platform) => rustdocflags(tree, { ...context, platform, triple: triple(platform), cfgs: [] }),
    rustdoc: tool(tree, context.environment, 'RUSTDOC', 'rustdoc'),
    linker: (platform) => program(ofTarget(platform, 'linker')),
    runner: (platform) => {
      const node = ofTarget(platform, 'runner');
      const [first, ...rest] = node ? words(node) : [];
      if (!node || first === undefined) return null;
      return [program({ type: 'scalar', value: first, origin: node.origin }) ?? first, ...rest];
    },
    linksOverride: (platform, links) => linksOverride(tree.fromFiles(['target', triple(platform)]), links),
    rustcWrapper: tool(tree, context.environment, 'RUSTC_WRAPPER', 'rustc-wrapper'),
    rustcWorkspaceWrapper: tool(tree, context.environment, 'RUSTC_WORKSPACE_WRAPPER', 'rustc-workspace-wrapper'),
    get: (key) => {
      const node = tree.lookup(key.split('.'));
      return node ? plain(node) : undefined;
    },
    files: tree.files,
  };
}

/** The name that configuration keys use: a target specification file goes by its stem. */
export function shortName(platform: string): string {
  return platform.endsWith('.json') ? basename(platform, '.json') : platform;
}

/** A program named by a variable of its own, else by `build.<key>`; an empty one is none. */
export function tool(
  tree: ConfigTree,
  environment: Readonly<Record<string, string>>,
  variable: string,
  key: string,
): string | null {
  const named = environment[variable];
  if (named !== undefined) return named.includes('/') ? joined(tree.cwd, named) : named || null;
  const node = tree.lookup(['build', key]);
  if (node?.type !== 'scalar' || node.value === '') return null;
  const value = String(node.value);
  return value.includes('/') ? joined(rootOf(node.origin, tree.cwd), value) : value;
}

export interface FlagsContext {
  readonly environment: Readonly<Record<string, string>>;
  readonly targetsNamed: boolean;
  readonly platform: string | null;
  readonly triple: string;
  readonly cfgs: readonly string[];
}

/**
 * Flags for rustc by cargo's precedence: `CARGO_ENCODED_RUSTFLAGS`, `RUSTFLAGS`, `target.<triple>` joined with all matching
 * `target.'cfg(…)'` by name, `build.rustflags`. With platforms named, host units get none.
 */
export function rustflags(tree: ConfigTree, context: FlagsContext): readonly string[] {
  if (context.platform === null && context.targetsNamed) return [];
  const given = flagsInEnvironment(context.environment, 'RUSTFLAGS');
  if (given !== null) return given;
  const direct = tree.lookup(['target', context.triple, 'rustflags']);
  const flags = direct ? [...words(direct)] : [];
  for (const [name, table] of cfgTables(tree)) {
    const node = table.get('rustflags');
    if (node && cfgMatches(name, context.cfgs)) flags.push(...words(node));
  }
  if (flags.length > 0) return flags;
  const build = tree.lookup(['build', 'rustflags']);
  return build ? words(build) : [];
}

/** The same for rustdoc; `cfg` tables have no flags for it. */
function rustdocflags(tree: ConfigTree, context: FlagsContext): readonly string[] {
  if (context.platform === null && context.targetsNamed) return [];
  const given = flagsInEnvironment(context.environment, 'RUSTDOCFLAGS');
  if (given !== null) return given;
  const node = tree.lookup(['target', context.triple, 'rustdocflags']) ?? tree.lookup(['build', 'rustdocflags']);
  return node ? words(node) : [];
}

/** `CARGO_ENCODED_<NAME>`, then `<NAME>`; null: neither is set. */
function flagsInEnvironment(environment: FlagsContext['environment'], name: string): readonly string[] | null {
  const encoded = environment[`CARGO_ENCODED_${name}`];
  if (encoded !== undefined) return encoded === '' ? [] : encoded.split('\x1f');
  return (
    environment[name]
      ?.split(' ')
      .map((flag) => flag.trim())
      .filter((flag) => flag !== '') ?? null
  );
}

/** A list, or a string of words. */
export function words(node: Node): readonly string[] {
  if (node.type === 'list') return node.items.map((item) => String(plain(item)));
  if (node.type === 'table') return [];
  return String(node.value)
    .split(/\s+/)
    .filter((word) => word !== '');
}

/** The `[target.'cfg(…)']` tables by name: the order in which cargo joins their flags. */
function cfgTables(tree: ConfigTree): readonly (readonly [string, ReadonlyMap<string, Node>])[] {
  const target = tree.fromFiles(['target']);
  if (target?.type !== 'table') return [];
  return [...target.entries]
    .flatMap(([name, node]) =>
      name.startsWith('cfg(') && node.type === 'table' ? [[name, node.entries] as const] : [],
    )
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function environmentTable(tree: ConfigTree): Config['env'] {
  const table = tree.fromFiles(['env']);
  const env: Record<string, { value: string; force: boolean }> = {};
  for (const name of table?.type === 'table' ? table.entries.keys() : []) {
    const node = tree.lookup(['env', name]);
    if (node?.type === 'scalar') env[name] = { value: String(node.value), force: false };
    if (node?.type !== 'table') continue;
    const value = node.entries.get('value');
    const flag = (key: string) => {
      const found = node.entries.get(key);
      return found?.type === 'scalar' && found.value === true;
    };
    if (value?.type !== 'scalar') continue;
    const text = String(value.value);
    env[name] = { value: flag('relative') ? joined(rootOf(value.origin, tree.cwd), text) : text, force: flag('force') };
  }
  return env;
}

function ambiguous(key: string, first: string, second: string): UserError {
  return new UserError(
    'D0111',
    `several matching instances of \`target.'cfg(..)'.${key}\` in the configuration: \`${first}\` and \`${second}\``,
    `leave one of them, or name the ${key} in \`target.<triple>.${key}\``,
  );
}

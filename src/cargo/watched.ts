/** What a plan rests on besides sources and arguments: while none of it changes, cargo need not be asked again. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'smol-toml';
import { onPath, toolchainFiles } from './programs.ts';
import { fieldOf } from './tables.ts';
import type { Workspace } from './types.ts';

export interface Watched {
  /** Files to compare by stat; a file that is not there must stay away. */
  readonly files: readonly string[];
  /** Directories to compare by the names in them; one that is not there must stay away. */
  readonly directories: readonly string[];
}

/** cargo looks here for targets that no manifest names. Rule: cargo book, "Target auto-discovery". */
const targetDirectories = ['src', 'src/bin', 'examples', 'tests', 'benches'];

/** Files that a manifest may leave unmentioned and that count when they exist. */
const implied = ['build.rs', 'README.md', 'README.txt', 'README'];

/**
 * Everything on disk that may change cargo's answer for this invocation: manifests, lock file, configuration, tool chain
 * and its choice, and directories whose listing decides auto-discovered targets or globbed members.
 */
export function watchedFiles(workspace: Workspace): Watched {
  const { config, toolchain, invocation, environment } = workspace;
  const files = new Set([
    workspace.lockFile,
    ...workspace.manifests,
    ...config.files,
    ...toolchainFiles(invocation.calledIn, environment),
    ...ancestors(invocation.cwd).map((directory) => join(directory, 'Cargo.toml')),
    ...ancestors(workspace.root).map((directory) => join(directory, 'Cargo.toml')),
    toolchain.cargo,
    toolchain.rustc,
    ...[config.rustcWrapper, config.rustcWorkspaceWrapper].flatMap((name) => onPath(name ?? '', environment) ?? []),
  ]);
  const directories = new Set(globbed(workspace.root));
  for (const manifest of workspace.manifests) {
    const root = dirname(manifest);
    for (const name of implied) files.add(join(root, name));
    for (const name of targetDirectories) {
      const directory = join(root, name);
      directories.add(directory);
      // `src/bin/NAME/main.rs` is a target as well; below `src` only `bin` is looked at.
      if (name !== 'src') for (const inner of directoriesIn(directory)) directories.add(inner);
    }
  }
  for (const pkg of workspace.packages.values()) {
    if (pkg.source.kind === 'vendored') {
      files.add(pkg.manifestPath);
      files.add(join(pkg.root, '.cargo-checksum.json'));
    }
  }
  for (const { platform } of workspace.graph.units) if (platform?.endsWith('.json')) files.add(platform);
  return { files: [...files], directories: [...directories] };
}

function ancestors(directory: string): readonly string[] {
  const parent = dirname(directory);
  return parent === directory ? [directory] : [directory, ...ancestors(parent)];
}

/** The directories in which the patterns of `workspace.members` look for members. */
function globbed(root: string): readonly string[] {
  let manifest: unknown;
  try {
    manifest = parse(readFileSync(join(root, 'Cargo.toml'), 'utf8'));
  } catch {
    return [];
  }
  const patterns = fieldOf(fieldOf(manifest, 'workspace'), 'members');
  const found: string[] = [];
  for (const pattern of Array.isArray(patterns) ? patterns : []) {
    let reached = [root];
    for (const part of String(pattern).split('/')) {
      if (/[*?[]/.test(part)) {
        found.push(...reached);
        reached = reached.flatMap(directoriesIn);
      } else reached = reached.map((directory) => join(directory, part));
    }
  }
  return found;
}

function directoriesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(directory, entry.name));
  } catch {
    return [];
  }
}

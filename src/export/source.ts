/** Expressions of what no derivation builds: archives, trees of files, texts. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Workspace } from '../cargo/types.ts';
import type { SourceInput } from '../engine/types.ts';
import { sha256 } from '../nix/hash.ts';
import { narHashSync } from '../nix/nar.ts';
import { splitStorePath } from '../nix/store-path.ts';
import type { NarNode } from '../nix/types.ts';
import type { PlannedUnit } from '../plan/types.ts';
import type { Registries } from './registries.ts';
import { list, literal, set } from './text.ts';

export interface SourceContext {
  readonly workspace: Workspace;
  readonly registries: Registries;
  /** Copies a tree that Nix would read otherwise than it is meant (links): relative directory of the copy. */
  copy(input: Extract<SourceInput, { kind: 'tree' }>): string;
}

/** The expression of a unit's sources. */
export function sourceExpression(unit: PlannedUnit, context: SourceContext): string {
  const { input, root } = unit.source;
  const { workspace, registries } = context;
  const { name } = splitStorePath(input.path);
  switch (input.kind) {
    case 'file': {
      const inside = below(path.join(workspace.cargoHome, 'registry', 'cache'), input.from);
      const place =
        inside === null
          ? (['archive', placeExpression(input.from, workspace)] as const)
          : (['cached', literal(inside)] as const);
      const url = registries.download(unit.package, input.sha256, inside);
      return `drydock.crate ${set(
        [
          ['name', literal(name)],
          place,
          ...(url === null ? [] : [['url', literal(url)] as const]),
          ['sha256', literal(input.sha256)],
        ],
        '  ',
      )}`;
    }
    case 'tree': {
      const files = [...input.files.keys()].sort();
      const names = list(files.map(literal), '    ');
      if (hasLinks(root, input.files)) {
        const sums = files.map((file) => [file, literal(sha256(fs.readFileSync(path.join(root, file))))] as const);
        return `drydock.copiedTree ${set(
          [
            ['name', literal(name)],
            ['from', placeExpression(root, workspace)],
            ['copy', `../. + ${literal(`/${context.copy(input)}`)}`],
            ['files', set(sums, '    ')],
          ],
          '  ',
        )}`;
      }
      // Files of a registry, a vendor directory or a checkout never change: with their hash Nix need not read them again.
      const pinned = unit.package.source.kind !== 'path';
      return `drydock.tree ${set(
        [
          ['name', literal(name)],
          ['from', placeExpression(root, workspace)],
          ...(pinned ? [['sha256', literal(pinnedHash(input))] as const] : []),
          ['files', names],
        ],
        '  ',
      )}`;
    }
    case 'text':
      return textExpression(name, input.text);
    case 'host-directory':
    case 'store-path':
      throw new Error(`the sources of ${unit.id} are a directory of the host`);
  }
}

/** Hash of the NAR of a tree whose files do not change. */
export function pinnedHash(input: Extract<SourceInput, { kind: 'tree' | 'host-directory' }>): string {
  if (input.kind === 'host-directory' && input.narHash !== undefined) return input.narHash;
  return narHashSync(treeNode(input.files ?? new Map()));
}

export function textExpression(name: string, text: string): string {
  return `builtins.toFile ${literal(name)} ${literal(text)}`;
}

/** A place of this machine, as one that another machine can have too wherever that is possible. */
export function placeExpression(directory: string, workspace: Workspace): string {
  const { root, cargoHome, environment } = workspace;
  const rustupHome = environment['RUSTUP_HOME'] ?? path.join(environment['HOME'] ?? '/', '.rustup');
  for (const [home, expression] of [
    [cargoHome, 'drydock.cargoHome'],
    [rustupHome, 'drydock.rustupHome'],
  ] as const) {
    const inside = below(home, directory);
    if (inside !== null) return `"\${${expression}}/${literal(inside).slice(1)}`;
  }
  if (directory === root) return 'drydock.root';
  const shared = path.relative(root, directory).split('/');
  if (shared[0] === '..' && shared.lastIndexOf('..') >= 3) return literal(directory);
  return `drydock.place ${literal(path.relative(root, directory))}`;
}

function below(home: string, file: string): string | null {
  return file.startsWith(`${home}/`) ? file.slice(home.length + 1) : null;
}

/** Whether a name in the tree passes through a symlink: Nix would take the link itself. */
export function hasLinks(root: string, files: ReadonlyMap<string, string>): boolean {
  const plain = new Set<string>(['.']);
  const isPlain = (relative: string): boolean => {
    if (plain.has(relative)) return true;
    if (!isPlain(path.dirname(relative)) || fs.lstatSync(path.join(root, relative)).isSymbolicLink()) return false;
    plain.add(relative);
    return true;
  };
  return [...files.keys()].some((file) => !isPlain(file));
}

function treeNode(files: ReadonlyMap<string, string>): NarNode {
  interface Folder extends Map<string, Folder | string> {}
  const top: Folder = new Map();
  for (const [relative, file] of files) {
    const parts = relative.split('/');
    let folder = top;
    for (const part of parts.slice(0, -1)) {
      const next = folder.get(part);
      const inner: Folder = next instanceof Map ? next : new Map();
      folder.set(part, inner);
      folder = inner;
    }
    folder.set(parts.at(-1) ?? '', file);
  }
  const node = (item: Folder | string): NarNode => {
    if (item instanceof Map) {
      return { type: 'directory', entries: [...item].map(([name, inner]) => ({ name, node: node(inner) })) };
    }
    const executable = (fs.statSync(item).mode & 0o100) !== 0;
    const contents = fs.readFileSync(item);
    return { type: 'regular', executable, size: contents.length, contents };
  };
  return node(top);
}

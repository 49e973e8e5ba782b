/** What is the same for all units of an export: `settings.nix`, and the inputs that they share. */
import * as path from 'node:path';
import type { Workspace } from '../cargo/types.ts';
import type { SourceInput } from '../engine/types.ts';
import { baseName, splitStorePath } from '../nix/store-path.ts';
import { type StorePath, storeDir } from '../nix/types.ts';
import type { Plan } from '../plan/types.ts';
import { exportMark } from '../sources/export-mark.ts';
import type { Shared } from './references.ts';
import { hasLinks, pinnedHash, placeExpression, textExpression } from './source.ts';
import { attribute, list, literal, set } from './text.ts';

type ToolInput = Extract<SourceInput, { kind: 'host-directory' | 'tree' | 'store-path' }>;

export interface SharedInputs {
  /** By store path. */
  readonly expressions: Shared;
  /** Attribute of `drydock.toolchain` -> what it is. */
  readonly toolchain: ReadonlyMap<string, ToolInput>;
  /** Texts of the builders, by the names of their files. */
  readonly builders: ReadonlyMap<string, string>;
}

/** Inputs that are no unit's own sources. */
export function sharedInputs(plan: Plan, workspace: Workspace): SharedInputs {
  const expressions = new Map<StorePath, string>();
  const toolchain = new Map<string, ToolInput>();
  const builders = new Map<string, string>();
  const owned = new Set(plan.units.map(({ source }) => source.path));
  for (const { goal } of plan.units) {
    for (const input of goal.sources) {
      if (owned.has(input.path) || expressions.has(input.path)) continue;
      const { name } = splitStorePath(input.path);
      switch (input.kind) {
        case 'text':
          if (input.path === goal.sealed.derivation.args[0]) {
            builders.set(name, input.text);
            expressions.set(input.path, `drydock.builders.${goal.sealed.derivation.env['step']}`);
          } else expressions.set(input.path, `(${textExpression(name, input.text)})`);
          break;
        case 'tree':
        case 'host-directory':
        case 'store-path': {
          const key = input.kind === 'store-path' ? baseName(input.path) : toolName(name, workspace.toolchain.release);
          toolchain.set(key, input);
          expressions.set(input.path, `drydock.toolchain.${attribute(key)}`);
          break;
        }
        case 'file':
          throw new Error(`${input.path} is an input of many units`);
      }
    }
  }
  return { expressions, toolchain, builders };
}

/** `rust-1.95.0-wasm32-unknown-unknown` -> `rust-wasm32-unknown-unknown`. */
function toolName(name: string, release: string): string {
  return name.replace(`rust-${release}`, 'rust');
}

/** What the one who exports should know of the tools. */
export function toolNotes(toolchain: ReadonlyMap<string, ToolInput>): readonly string[] {
  return [...toolchain.values()].flatMap((input) =>
    input.kind !== 'store-path' && readableRoot(input) === null
      ? [`${input.path} must be in the Nix store before: \`drydock build --engine nix\` puts it there`]
      : [],
  );
}

export interface Settings {
  readonly workspace: Workspace;
  readonly plan: Plan;
  /** Absolute directory that the file is for. */
  readonly out: string;
  readonly toolchain: ReadonlyMap<string, ToolInput>;
}

export function settingsFile({ workspace, plan, out, toolchain }: Settings): string {
  const derivations = plan.units.map(({ goal }) => goal.sealed.derivation);
  const [first] = derivations;
  const hostTools = derivations.find(({ env }) => env['hostTools'] !== undefined)?.env['hostTools'] ?? '';
  const target = path.relative(workspace.root, workspace.targetDir);
  const tools = [...toolchain].sort(([left], [right]) => (left < right ? -1 : 1));
  const entries: [string, string][] = [
    ['root', `./. + ${literal(`/${path.relative(out, workspace.root)}`)}`],
    ['target', literal(target.startsWith('..') ? workspace.targetDir : target)],
    ['system', literal(first?.system ?? '')],
    ['builder', literal(first?.builder ?? '/bin/sh')],
    ['hostTools', literal(hostTools)],
  ];
  return `${exportMark}# What all units have in common.
{
  # The workspace and its target directory.
  root = ${entries[0]?.[1]};
  target = ${entries[1]?.[1]};

  system = ${entries[2]?.[1]};
  builder = ${entries[3]?.[1]};
  # The compiler, linker and C library of the host: export again when they change.
  hostTools = ${entries[4]?.[1]};

  # Files of the host that are known by their contents, read only where the store does not have them yet; and tools of
  # the machine's Nix store.
  toolchain = drydock: ${set(
    tools.map(([key, input]) => [key, toolExpression(input, workspace)] as const),
    '  ',
  )};
}
`;
}

/** A tool that Nix cannot read as it was hashed has to be in the store already. */
function toolExpression(input: ToolInput, workspace: Workspace): string {
  const from = input.kind === 'store-path' ? null : readableRoot(input);
  if (input.kind === 'store-path' || from === null) return set([['store', literal(input.path)]], '    ');
  const files = [...(input.files?.keys() ?? [])].sort().map(literal);
  return set(
    [
      ['name', literal(splitStorePath(input.path).name)],
      ['from', placeExpression(from, workspace)],
      ['sha256', literal(pinnedHash(input))],
      ['files', list(files, '      ')],
    ],
    '    ',
  );
}

/** The directory in which the files have the names of the tree; null where links or a store stand between. */
function readableRoot(input: Exclude<ToolInput, { kind: 'store-path' }>): string | null {
  const files = input.files ?? new Map<string, string>();
  const [[relative, file] = ['', '']] = files;
  const from = input.kind === 'host-directory' ? input.from : file.slice(0, -relative.length - 1);
  const named = [...files].every(([name, real]) => real === path.join(from, name));
  return named && !from.startsWith(`${storeDir}/`) && !hasLinks(from, files) ? from : null;
}

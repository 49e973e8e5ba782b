/** The file of one unit. */
import type { Lane, PlannedUnit } from '../plan/types.ts';
import { isRun } from '../plan/target.ts';
import { parseViews } from '../mounts/views.ts';
import { exportMark } from '../sources/export-mark.ts';
import type { References } from './references.ts';
import { attribute, list, literal, quoted, set, string } from './text.ts';
import type { UnitPair } from './types.ts';
import { spacedOf, variablesOf, wordsOf } from './words.ts';

/** How a variable is written: by the helper `drydock.unit`, which puts the parts together again. */
const lists: Readonly<Record<string, (text: string) => readonly string[] | null>> = {
  arguments: wordsOf,
  linkKinds: wordsOf,
  metadataFrom: wordsOf,
  metadataSources: wordsOf,
  dependencies: spacedOf,
  movingDependencies: spacedOf,
  linkScripts: spacedOf,
  packageScripts: spacedOf,
  libraryPath: spacedOf,
};

/** What the helper adds by itself. */
const implied = new Set(['out', 'system', 'builder', 'cacheGrants']);

/** One lane of a unit, and how its texts are written. */
export interface Side {
  readonly unit: PlannedUnit;
  readonly references: References;
}

/** The text of `derivations/<name>.nix`. `source`: the expression of the unit's sources. */
export function unitFile(pair: UnitPair, pure: Side, dev: Side, source: string): string {
  const own = pure.unit.goal.sealed.derivation.env;
  const other = dev.unit.goal.sealed.derivation.env;
  const entries: [string, string][] = [['name', literal(own['name'] ?? '')]];
  const only: Record<Lane, [string, string][]> = { pure: [], dev: [] };
  for (const name of orderOf(own, other)) {
    const [left, right] = [own[name], other[name]];
    if (left !== undefined && right !== undefined) {
      if (name === 'source') {
        entries.push(['source', source]);
      } else if (name === 'hostTools') entries.push([name, 'drydock.hostTools']);
      else entries.push([name, both(name, { side: pure, text: left }, { side: dev, text: right })]);
    } else if (left !== undefined) only.pure.push([name, value(name, left, pure, '    ')]);
    else if (right !== undefined) only.dev.push([name, devValue(name, right, dev)]);
  }
  for (const lane of ['pure', 'dev'] as const) if (only[lane].length > 0) entries.push([lane, set(only[lane], '  ')]);
  // The builder is an input through its place among the derivation's arguments.
  pure.references.pieces(pure.unit.goal.sealed.derivation.args.join(' '));
  const silent = pure.references.silent();
  if (silent.length > 0) entries.push(['inputs', list(silent.map(bracketed), '  ')]);
  return `${exportMark}# ${title(pair)}\n{ drydock, units }:\n\ndrydock.unit ${set(entries, '')}\n`;
}

interface Text {
  readonly side: Side;
  readonly text: string;
}

/** The expression of a variable that both lanes have; the lanes are told apart where they differ. */
function both(name: string, pure: Text, dev: Text): string {
  const [left, right] = [listOf(name, pure.text), listOf(name, dev.text)];
  if (left !== null && right !== null) return bothLists(written(left, pure), written(right, dev));
  const [own, other] = [setOf(name, pure.text), setOf(name, dev.text)];
  if (own !== null && other !== null) return bothSets(own, other, pure, dev);
  return lane(expressionOf(pure.text, pure), expressionOf(dev.text, dev));
}

function bothSets(
  left: ReadonlyMap<string, string>,
  right: ReadonlyMap<string, string>,
  pure: Text,
  dev: Text,
): string {
  const common: [string, string][] = [];
  const onlyPure: [string, string][] = [];
  const onlyDev: [string, string][] = [];
  for (const name of [...new Set([...left.keys(), ...right.keys()])].sort()) {
    const [one, two] = [left.get(name), right.get(name)];
    if (one !== undefined && two !== undefined) {
      common.push([name, lane(expressionOf(one, pure), expressionOf(two, dev))]);
    } else if (one !== undefined) onlyPure.push([name, expressionOf(one, pure)]);
    else if (two !== undefined) onlyDev.push([name, expressionOf(two, dev)]);
  }
  const text = set(common, '  ');
  if (onlyPure.length + onlyDev.length === 0) return text;
  return `${text} // drydock.lane ${set(onlyPure, '  ')} ${set(onlyDev, '  ')}`;
}

/** Lists differ in one stretch at most, or are told as if they did. */
function bothLists(left: readonly string[], right: readonly string[]): string {
  let start = 0;
  while (start < Math.min(left.length, right.length) && left[start] === right[start]) start++;
  let end = 0;
  while (end < Math.min(left.length, right.length) - start && left.at(-1 - end) === right.at(-1 - end)) end++;
  const middle = [left.slice(start, left.length - end), right.slice(start, right.length - end)] as const;
  const show = (words: readonly string[]) => list(grouped(words), '  ');
  if (middle[0].length + middle[1].length === 0) return show(left);
  const parts = [
    ...(start > 0 ? [show(left.slice(0, start))] : []),
    `drydock.lane ${show(middle[0])} ${show(middle[1])}`,
    ...(end > 0 ? [show(left.slice(left.length - end))] : []),
  ];
  return parts.join(' ++ ');
}

/** An option and its value in one line. */
function grouped(words: readonly string[]): readonly string[] {
  const lines: string[] = [];
  let open = false;
  for (const word of words) {
    const option = /^"--?[a-zA-Z][a-z-]*"$/.test(word);
    if (open && !option && !word.startsWith('"-')) lines.push(`${lines.pop() ?? ''} ${word}`);
    else lines.push(word);
    open = option;
  }
  return lines;
}

function value(name: string, text: string, side: Side, indent: string): string {
  const words = listOf(name, text);
  if (words !== null) return list(grouped(written(words, { side })), indent);
  const variables = setOf(name, text);
  if (variables !== null) return set(mapped(variables, side), indent);
  return expressionOf(text, { side });
}

/** Who may grant mounts is known only at evaluation. */
function devValue(name: string, text: string, side: Side): string {
  if (name === 'cacheMounts') return quoted(text);
  if (name === 'storeViews') return viewSet(text, side);
  return name === 'owner' || name === 'scope' ? `drydock.${name}` : value(name, text, side, '    ');
}

/** The unit's own sources are named once, by `source`: null stands for them. */
function viewSet(text: string, side: Side): string {
  const lines = (parseViews(text) ?? []).map(({ target, source }) => {
    const shown = source === side.unit.source.path ? 'null' : expressionOf(source, { side });
    return `      ${expressionOf(target, { side })} = ${shown};\n`;
  });
  return `{\n${lines.join('')}    }`;
}

function lane(pure: string, dev: string): string {
  return pure === dev ? pure : `drydock.lane ${bracketed(pure)} ${bracketed(dev)}`;
}

function listOf(name: string, text: string): readonly string[] | null {
  return Object.hasOwn(lists, name) ? (lists[name]?.(text) ?? null) : null;
}

function setOf(name: string, text: string): ReadonlyMap<string, string> | null {
  return name === 'environment' ? variablesOf(text) : null;
}

function mapped(variables: ReadonlyMap<string, string>, side: Side): [string, string][] {
  return [...variables].map(([name, text]) => [name, expressionOf(text, { side })]);
}

function written(words: readonly string[], { side }: Pick<Text, 'side'>): string[] {
  return words.map((word) => string(side.references.pieces(word)));
}

function expressionOf(text: string, { side }: Pick<Text, 'side'>): string {
  return string(side.references.pieces(text));
}

/** As an element of a list or an argument, an application of a function needs brackets. */
function bracketed(expression: string): string {
  return /^["[{(]/.test(expression) || !expression.includes(' ') ? expression : `(${expression})`;
}

/** What people look for first; the rest as the derivation has it. */
function orderOf(own: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): readonly string[] {
  const first = ['step', 'source', 'sourceForm', 'place', 'directory', 'path', 'program', 'arguments', 'environment'];
  const rest = [...new Set([...Object.keys(own), ...Object.keys(other)])].sort();
  const wanted = [...first, ...rest.filter((name) => !first.includes(name))];
  return wanted.filter((name) => name !== 'name' && !implied.has(name) && (name in own || name in other));
}

function title({ pure: { package: pkg, unit } }: UnitPair): string {
  const what = isRun(unit)
    ? 'run of its build script'
    : `${unit.target.kind.join(', ')} ${attribute(unit.target.name)}`;
  return `${pkg.name} ${pkg.version}: ${what}`;
}

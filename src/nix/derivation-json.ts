/** The JSON that `nix show-derivation` (Nix 2.8) prints. */
import { sortedEntries, sortedSet } from './order.ts';
import type { Derivation, DerivationOutput, DrvPath } from './types.ts';

// Printed here and not by JSON.stringify, because that moves keys like "10" to the front.

/**
 * The whole text that the command prints for one derivation, the newline at the end included.
 * Later versions differ: sorted keys, `name` and `dynamicOutputs`; from 2.32 on base names and `version` under `derivations`.
 */
export function printDerivationJson(drvPath: DrvPath, derivation: Derivation): string {
  const inputs = sortedEntries(derivation.inputDrvs).map(([path, names]) => member(path, list(sortedSet(names), 3)));
  const members = [
    member('outputs', object(sortedEntries(derivation.outputs).map(output), 2)),
    member('inputSrcs', list(sortedSet(derivation.inputSrcs), 2)),
    member('inputDrvs', object(inputs, 2)),
    member('system', string(derivation.system)),
    member('builder', string(derivation.builder)),
    member('args', list(derivation.args, 2)),
    member(
      'env',
      object(
        sortedEntries(derivation.env).map(([name, value]) => member(name, string(value))),
        2,
      ),
    ),
  ];
  return `${object([member(drvPath, object(members, 1))], 0)}\n`;
}

function output([name, { path, hashAlgo, hash }]: [string, DerivationOutput]): string {
  const fixed = hashAlgo === '' ? [] : [member('hashAlgo', string(hashAlgo)), member('hash', string(hash))];
  return member(name, object([member('path', string(path)), ...fixed], 3));
}

function member(name: string, value: string): string {
  return `${string(name)}: ${value}`;
}

function object(members: readonly string[], depth: number): string {
  return block('{', members, '}', depth);
}

function list(texts: readonly string[], depth: number): string {
  return block('[', texts.map(string), ']', depth);
}

function block(open: string, items: readonly string[], close: string, depth: number): string {
  if (items.length === 0) return open + close;
  const indent = '  '.repeat(depth);
  return `${open}\n${items.map((item) => `${indent}  ${item}`).join(',\n')}\n${indent}${close}`;
}

/** Nix has no short escapes for backspace and form feed. */
function string(text: string): string {
  const quoted = JSON.stringify(text);
  if (!/\\[bf]/.test(quoted)) return quoted;
  return quoted.replace(/\\[^u]/g, (escape) => (escape === '\\b' ? '\\u0008' : escape === '\\f' ? '\\u000c' : escape));
}

/** The text of `.drv` files (Nix manual: "Derivation: ATerm format"). Parsing is in aterm-parse.ts. */
import { sortedEntries, sortedSet } from './order.ts';
import type { Derivation, DerivationOutput } from './types.ts';

export { parseDerivation } from './aterm-parse.ts';

const special = /["\\\n\r\t]/;
const allSpecial = /["\\\n\r\t]/g;
const escapes: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The ATerm of a derivation, byte for byte as Nix writes it (as UTF-8): every set and map sorted by bytes. */
export function printDerivation(derivation: Derivation): string {
  return assemble({
    outputs: sortedEntries(derivation.outputs).map(([name, output]) => outputEntry(name, output)),
    inputs: sortedEntries(derivation.inputDrvs).map(([path, outputs]) => inputEntry(path, outputs)),
    sources: sortedSet(derivation.inputSrcs).map(quote),
    system: derivation.system,
    builder: derivation.builder,
    args: derivation.args,
    env: sortedEntries(derivation.env).map(([name, value]) => envEntry(name, value)),
  });
}

/** A derivation whose maps and sets are already sorted and printed. */
export interface AtermParts {
  readonly outputs: readonly string[];
  readonly inputs: readonly string[];
  readonly sources: readonly string[];
  readonly system: string;
  readonly builder: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
}

export function assemble(parts: AtermParts): string {
  const { outputs, inputs, sources, args, env } = parts;
  const lists = `[${outputs.join()}],[${inputs.join()}],[${sources.join()}]`;
  return `Derive(${lists},${quote(parts.system)},${quote(parts.builder)},[${args.map(quote).join()}],[${env.join()}])`;
}

export function outputEntry(name: string, output: Omit<DerivationOutput, 'path'> & { readonly path: string }): string {
  return `(${quote(name)},${quote(output.path)},${quote(output.hashAlgo)},${quote(output.hash)})`;
}

/** `input`: a path, or (in the text that is hashed) the modulo hash. */
export function inputEntry(input: string, outputs: readonly string[]): string {
  return `(${quote(input)},[${sortedSet(outputs).map(quote).join()}])`;
}

export function envEntry(name: string, value: string): string {
  return `(${quote(name)},${quote(value)})`;
}

/** A string in quotes, with the five characters escaped that ATerm escapes. */
export function quote(text: string): string {
  if (!special.test(text)) return `"${text}"`;
  return `"${text.replace(allSpecial, (character) => escapes[character] ?? character)}"`;
}

/**
 * The input derivations of one derivation, in the two orders in which they are printed. A plan has some hundred
 * derivations with some hundred inputs each, so each input is printed once, and orders come from sorting numbers.
 */
import { inputEntry } from './aterm.ts';
import { nix32Values } from './nix32.ts';
import { splitStorePath } from './store-path.ts';
import type { SealedDerivation, StorePath } from './types.ts';

/** What a sealed derivation is in the texts of those that have it as an input. */
interface Input {
  readonly sealed: SealedDerivation;
  /** `("<path>",["out"])` */
  readonly byPath: Uint8Array;
  /** `("<modulo hash>",["out"])` */
  readonly byModuloHash: Uint8Array;
  /** The first 40 bits of path hash and modulo hash, times `maxPlaces`: in the order of the texts. */
  readonly pathRank: number;
  readonly moduloRank: number;
}

export interface SealInputs {
  /** Sorted, each once. */
  readonly byPath: readonly Input[];
  readonly byModuloHash: readonly Input[];
}

/** A rank and a place in the list fit into one double together. */
const maxPlaces = 2048;
const known = new WeakMap<SealedDerivation, Input>();
const textOrder = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

export function sealInputs(derivations: readonly SealedDerivation[]): SealInputs {
  const inputs = derivations.map(inputOf);
  return {
    byPath: inOrder(
      inputs,
      (input) => input.pathRank,
      (input) => input.sealed.drvPath,
    ),
    byModuloHash: inOrder(
      inputs,
      (input) => input.moduloRank,
      (input) => input.sealed.moduloHash,
    ),
  };
}

/** Sorts by `text`, dropping repeats. `rank` begins as the text does, so the texts are compared only where it is equal. */
function inOrder(inputs: readonly Input[], rank: (input: Input) => number, text: (input: Input) => string): Input[] {
  if (inputs.length > maxPlaces) return byText(inputs, text);
  const keys = new Float64Array(inputs.length);
  inputs.forEach((input, place) => {
    keys[place] = rank(input) + place;
  });
  keys.sort();
  const sorted: Input[] = [];
  let previous = -1;
  for (const key of keys) {
    const input = inputs[key % maxPlaces];
    if (input === undefined) continue;
    if (rank(input) === previous) return byText(inputs, text);
    previous = rank(input);
    sorted.push(input);
  }
  return sorted;
}

function byText(inputs: readonly Input[], text: (input: Input) => string): Input[] {
  const sorted = inputs.toSorted((left, right) => textOrder(text(left), text(right)));
  return sorted.filter((input, place) => {
    const before = sorted[place - 1];
    return before === undefined || text(before) !== text(input);
  });
}

function inputOf(sealed: SealedDerivation): Input {
  const before = known.get(sealed);
  if (before !== undefined) return before;
  const input = {
    sealed,
    byPath: Buffer.from(inputEntry(sealed.drvPath, ['out'])),
    byModuloHash: Buffer.from(inputEntry(sealed.moduloHash, ['out'])),
    pathRank: pathRank(sealed.drvPath) * maxPlaces,
    moduloRank: Number.parseInt(sealed.moduloHash.slice(0, 10), 16) * maxPlaces,
  };
  known.set(sealed, input);
  return input;
}

/** The first 8 of the path's digits as a number. */
function pathRank(path: StorePath): number {
  const { hash } = splitStorePath(path);
  let rank = 0;
  for (let place = 0; place < 8; place++) rank = rank * 32 + (nix32Values[hash.charCodeAt(place)] ?? 0);
  return rank;
}

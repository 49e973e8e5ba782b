/**
 * The input derivations of one derivation, in the two orders in which they are printed. A plan has some hundred
 * derivations with some hundred inputs each, so each input is printed once, and orders come from sorting numbers.
 */
import { inputEntry } from './aterm.ts';
import { ByteWriter } from './byte-writer.ts';
import { nix32Values } from './nix32.ts';
import { splitStorePath } from './store-path.ts';
import type { DrvPath, SealedDerivation, StorePath } from './types.ts';

/** What a sealed derivation is in the texts of those that have it as an input. */
interface SealInput {
  readonly sealed: SealedDerivation;
  /** `,("<path>",["out"])` */
  readonly byPath: Uint8Array;
  /** `,("<modulo hash>",["out"])` */
  readonly byModuloHash: Uint8Array;
  /** The first 40 bits of path hash and modulo hash, times `maxPlaces`: in the order of the texts. */
  readonly pathRank: number;
  readonly moduloRank: number;
}

/** The inputs of one derivation, each once. The lists are good until the next derivation's are made. */
export interface SealInputs {
  /** Sorted. */
  readonly paths: readonly DrvPath[];
  /** The lists as they are printed, without their brackets. */
  readonly byPath: Uint8Array;
  readonly byModuloHash: Uint8Array;
}

/** A rank and a place in the list fit into one double together. */
const maxPlaces = 2048;
const known = new WeakMap<SealedDerivation, SealInput>();
const textOrder = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

// Used again for every derivation: sealing is synchronous, so one is done before the next begins.
const pathList = new ByteWriter(1 << 15);
const moduloList = new ByteWriter(1 << 15);

export function sealInputs(derivations: readonly SealedDerivation[]): SealInputs {
  const inputs = derivations.map(inputOf);
  const paths: DrvPath[] = [];
  pathList.clear();
  for (const input of inOrder(inputs, rankOfPath, textOfPath)) {
    pathList.bytes(input.byPath);
    paths.push(input.sealed.drvPath);
  }
  moduloList.clear();
  for (const input of inOrder(inputs, rankOfModulo, textOfModulo)) moduloList.bytes(input.byModuloHash);
  return { paths, byPath: pathList.view().subarray(1), byModuloHash: moduloList.view().subarray(1) };
}

const rankOfPath = (input: SealInput): number => input.pathRank;
const rankOfModulo = (input: SealInput): number => input.moduloRank;
const textOfPath = (input: SealInput): string => input.sealed.drvPath;
const textOfModulo = (input: SealInput): string => input.sealed.moduloHash;

/** Sorts by `text`, dropping repeats. `rank` begins as the text does, so the texts are compared only where it is equal. */
function inOrder(
  inputs: readonly SealInput[],
  rank: (input: SealInput) => number,
  text: (input: SealInput) => string,
): SealInput[] {
  if (inputs.length > maxPlaces) return byText(inputs, text);
  const keys = new Float64Array(inputs.length);
  inputs.forEach((input, place) => {
    keys[place] = rank(input) + place;
  });
  keys.sort();
  const sorted: SealInput[] = [];
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

function byText(inputs: readonly SealInput[], text: (input: SealInput) => string): SealInput[] {
  const sorted = inputs.toSorted((left, right) => textOrder(text(left), text(right)));
  return sorted.filter((input, place) => {
    const before = sorted[place - 1];
    return before === undefined || text(before) !== text(input);
  });
}

function inputOf(sealed: SealedDerivation): SealInput {
  const before = known.get(sealed);
  if (before !== undefined) return before;
  const input = {
    sealed,
    byPath: Buffer.from(`,${inputEntry(sealed.drvPath, ['out'])}`),
    byModuloHash: Buffer.from(`,${inputEntry(sealed.moduloHash, ['out'])}`),
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

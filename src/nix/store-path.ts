/** Names and paths in the store (Nix manual: "Store path specification"). */
import { hash } from 'node:crypto';
import { compressHash, sha256 } from './hash.ts';
import { encodeNix32 } from './nix32.ts';
import { sortedSet } from './order.ts';
import { storeDir } from './types.ts';
import type { DrvPath, Sha256, StorePath } from './types.ts';

/** Longest name of a store object. */
export const maxNameLength = 211;

const hashLength = 32;
const nameStart = storeDir.length + 1 + hashLength + 1;
const hashPattern = /^[0-9a-df-np-sv-z]{32}$/;
const nameProblemText = {
  empty: 'is empty',
  long: `is longer than ${maxNameLength} characters`,
  character: 'has a character other than letters, digits and +-._?=',
  dots: 'is ".", "..", or begins with one of them and a dash',
} as const;

export type NameProblem = keyof typeof nameProblemText;

/** Why Nix would not take this as the name of a store object; null: it would. */
export function nameProblem(name: string): NameProblem | null {
  if (name === '') return 'empty';
  if (name.length > maxNameLength) return 'long';
  if (!/^[0-9a-zA-Z+\-._?=]+$/.test(name)) return 'character';
  return /^\.\.?(?:-|$)/.test(name) ? 'dots' : null;
}

/**
 * Makes any text a valid name: other characters become `-`, and the length leaves room for `.drv`.
 * The result never begins with a dot (old versions of Nix refuse it) and never ends in `.drv`. Different texts can
 * give the same name: a name is for people, the hash tells paths apart.
 */
export function toStoreName(text: string): string {
  const plain = text
    .replace(/[^0-9a-zA-Z+\-._?=]+/g, '-')
    .slice(0, maxNameLength - '.drv'.length)
    .replace(/\.drv$/, '-drv');
  if (plain === '') return 'unnamed';
  return plain.replace(/^\./, '_');
}

export interface FixedOutput {
  readonly name: string;
  /** `flat`: the hash of a single file's contents. `nar`: of the NAR. */
  readonly method: 'flat' | 'nar';
  readonly sha256: Sha256;
  /** Only with `nar`: paths that the contents mention. */
  readonly references?: readonly StorePath[];
}

/** Path of content-addressed contents, as `nix-store --add` (`nar`) and `--add-fixed sha256` (`flat`) give it. */
export function fixedOutputPath(output: FixedOutput): StorePath {
  const references = output.references ?? [];
  if (output.method === 'nar') return makeStorePath(withReferences('source', references), output.sha256, output.name);
  if (references.length > 0) throw new Error(`a flat fixed output cannot have references: ${output.name}`);
  return makeStorePath('output:out', sha256(`fixed:out:sha256:${output.sha256}:`), output.name);
}

/** Path of a source tree or file whose NAR has this hash. */
export function sourcePath(name: string, narHash: Sha256): StorePath {
  return fixedOutputPath({ name, method: 'nar', sha256: narHash });
}

/** Path of a text with references (`builtins.toFile`, `.drv` files). */
export function textPath(name: string, text: string, references: readonly StorePath[] = []): StorePath {
  return makeStorePath(withReferences('text', references), sha256(text), name);
}

/** As `textPath`, for a text whose hash is known and references that are sorted, each once. */
export function hashedTextPath(name: string, digest: Sha256, sorted: readonly StorePath[]): StorePath {
  return makeStorePath(['text', ...sorted].join(':'), digest, name);
}

/** Path of a derivation's output. `moduloHash`: of the derivation with its own output paths left out. */
export function outputPath(moduloHash: Sha256, outputName: string, name: string): StorePath {
  return makeStorePath(`output:${outputName}`, moduloHash, outputName === 'out' ? name : `${name}-${outputName}`);
}

/** The common last step: `kind` is what Nix calls the type. Throws on an invalid name. */
function makeStorePath(kind: string, digest: Sha256, name: string): StorePath {
  const problem = nameProblem(name);
  if (problem !== null) throw new Error(`store name ${JSON.stringify(name)} ${nameProblemText[problem]}`);
  const fingerprint = hash('sha256', `${kind}:sha256:${digest}:${storeDir}:${name}`, 'buffer');
  return `${storeDir}/${encodeNix32(compressHash(fingerprint))}-${name}` as StorePath;
}

function withReferences(kind: string, references: readonly StorePath[]): string {
  return references.length === 0 ? kind : `${kind}:${sortedSet(references).join(':')}`;
}

/** Checks that a text is a path directly under the store directory; null: it is not. */
export function parseStorePath(text: string): StorePath | null {
  if (!text.startsWith(`${storeDir}/`) || text[nameStart - 1] !== '-') return null;
  if (!hashPattern.test(text.slice(storeDir.length + 1, nameStart - 1))) return null;
  return nameProblem(text.slice(nameStart)) === null ? (text as StorePath) : null;
}

/** As `parseStorePath`, for a path that must end in `.drv`. */
export function parseDrvPath(text: string): DrvPath | null {
  return text.endsWith('.drv') && parseStorePath(text) !== null ? (text as DrvPath) : null;
}

/** The 32 digits and the name of a store path. */
export function splitStorePath(path: StorePath): { readonly hash: string; readonly name: string } {
  return { hash: path.slice(storeDir.length + 1, nameStart - 1), name: path.slice(nameStart) };
}

/** `<hash>-<name>`: what `.narinfo` files and the store's directory call it. */
export function baseName(path: StorePath): string {
  return path.slice(storeDir.length + 1);
}

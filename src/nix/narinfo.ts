/** `.narinfo` files of binary caches, and the text that their signatures sign. */
import { parseSha256, sha256ToNix32 } from './hash.ts';
import { sortedSet } from './order.ts';
import { malformed, parsed } from './outcome.ts';
import type { Parsed } from './outcome.ts';
import { baseName, parseStorePath } from './store-path.ts';
import { storeDir } from './types.ts';
import type { Sha256, StorePath } from './types.ts';

/** What every description of a store object has; all that a signature covers. */
export interface PathInfo {
  readonly storePath: StorePath;
  readonly narHash: Sha256;
  readonly narSize: number;
  readonly references: readonly StorePath[];
}

export interface NarInfo extends PathInfo {
  /** Where the NAR lies, relative to the cache: `nar/<hash>.nar.xz`. */
  readonly url: string;
  /** `none`, `xz`, `zstd`, `bzip2`, … */
  readonly compression: string;
  /** Of the compressed file. */
  readonly fileHash: Sha256 | null;
  readonly fileSize: number | null;
  readonly deriver: StorePath | null;
  /** `<key name>:<base64>` */
  readonly signatures: readonly string[];
  /** Content address, as Nix spells it (`fixed:r:sha256:…`, `text:sha256:…`). */
  readonly contentAddress: string | null;
}

/** What is signed: Nix's `1;<path>;<nar hash>;<nar size>;<references>`. */
export function narInfoFingerprint(info: PathInfo): string {
  const references = sortedSet(info.references).join(',');
  return `1;${info.storePath};${spell(info.narHash)};${info.narSize};${references}`;
}

/** The text of the file, fields in Nix's order. */
export function printNarInfo(info: NarInfo): string {
  const lines = [
    `StorePath: ${info.storePath}`,
    `URL: ${info.url}`,
    `Compression: ${info.compression}`,
    ...optional('FileHash', info.fileHash === null ? null : spell(info.fileHash)),
    ...optional('FileSize', info.fileSize),
    `NarHash: ${spell(info.narHash)}`,
    `NarSize: ${info.narSize}`,
    `References: ${(sortedSet(info.references) as StorePath[]).map(baseName).join(' ')}`,
    ...optional('Deriver', info.deriver === null ? null : baseName(info.deriver)),
    ...sortedSet(info.signatures).map((signature) => `Sig: ${signature}`),
    ...optional('CA', info.contentAddress),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** Reads the file. Fields that drydock does not know are passed over, as Nix does. */
export function parseNarInfo(text: string): Parsed<NarInfo> {
  const fields = new Map<string, string>();
  const signatures: string[] = [];
  let position = 0;
  for (const line of text.split('\n')) {
    const colon = line.indexOf(': ');
    const name = line.slice(0, colon);
    if (line !== '' && colon < 0) return malformed(position, 'expected "<field>: <value>"');
    if (name === 'Sig') signatures.push(line.slice(colon + 2));
    else if (fields.has(name)) return malformed(position, `the field ${name} occurs twice`);
    else if (line !== '') fields.set(name, line.slice(colon + 2));
    position += line.length + 1;
  }
  return fromFields(fields, signatures, position - 1);
}

function fromFields(fields: ReadonlyMap<string, string>, signatures: readonly string[], end: number): Parsed<NarInfo> {
  const bad = (name: string) => malformed(end, `the field ${name} is missing or not what it should be`);
  const storePath = parseStorePath(fields.get('StorePath') ?? '');
  if (storePath === null) return bad('StorePath');
  const url = fields.get('URL') ?? '';
  if (url === '') return bad('URL');
  const narHash = digest(fields.get('NarHash') ?? '');
  if (narHash === null) return bad('NarHash');
  const narSize = size(fields.get('NarSize') ?? '');
  if (narSize === null || narSize === 0) return bad('NarSize');
  const fileHash = digest(fields.get('FileHash') ?? '');
  if (fileHash === null && fields.has('FileHash')) return bad('FileHash');
  const fileSize = size(fields.get('FileSize') ?? '');
  if (fileSize === null && fields.has('FileSize')) return bad('FileSize');
  const references: StorePath[] = [];
  for (const name of (fields.get('References') ?? '').split(' ').filter((name) => name !== '')) {
    const reference = parseStorePath(`${storeDir}/${name}`);
    if (reference === null) return bad('References');
    references.push(reference);
  }
  const deriverName = fields.get('Deriver') ?? 'unknown-deriver';
  const deriver = deriverName === 'unknown-deriver' ? null : parseStorePath(`${storeDir}/${deriverName}`);
  if (deriver === null && deriverName !== 'unknown-deriver') return bad('Deriver');
  // Nix takes a missing field for bzip2, which was the only compression once.
  const compression = fields.get('Compression') ?? 'bzip2';
  const contentAddress = fields.get('CA') ?? null;
  const file = { url, compression, fileHash, fileSize };
  return parsed({ storePath, ...file, narHash, narSize, references, deriver, signatures, contentAddress });
}

function optional(name: string, value: string | number | null): string[] {
  return value === null ? [] : [`${name}: ${value}`];
}

function spell(digest: Sha256): string {
  return `sha256:${sha256ToNix32(digest)}`;
}

/** A hash that names its algorithm; bare digits are not accepted here, as in Nix. */
function digest(text: string): Sha256 | null {
  return /^sha256[:-]/.test(text) ? parseSha256(text) : null;
}

function size(text: string): number | null {
  const value = /^[0-9]+$/.test(text) ? Number(text) : null;
  return value !== null && Number.isSafeInteger(value) ? value : null;
}

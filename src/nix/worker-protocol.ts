/** Requests of the daemon's worker protocol, versions 1.34 to 1.38 (Nix 2.8 and later). */
import { WireError, WireWriter, type Decode, readNumber, readText, readTexts } from './worker-wire.ts';
import type { StorePath } from './types.ts';

const clientMagic = 0x6e697863;
const daemonMagic = 0x6478696f;
/** Minor numbers of protocol version 1. */
export const oldestMinor = 34;
export const newestMinor = 38;
const versionOf = (minor: number) => (1 << 8) | minor;

export const operations = {
  addToStore: 7,
  addTempRoot: 11,
  addIndirectRoot: 12,
  setOptions: 19,
  queryPathInfo: 26,
  queryValidPaths: 31,
  narFromPath: 38,
  buildPathsWithResults: 46,
} as const;

/** `major.minor` of a version number of the protocol. */
export function protocolName(version: number): string {
  return `${version >> 8}.${version & 0xff}`;
}

/** The first bytes of a connection: they can go before the daemon has said anything. */
export function greeting(): Buffer {
  return new WireWriter().number(clientMagic).number(versionOf(newestMinor)).take();
}

/** The daemon's answer to `greeting`: its version of the protocol. */
export function* readGreeting(): Decode<number> {
  const magic = yield* readNumber();
  if (magic !== daemonMagic) throw new WireError('the other side does not speak the protocol of the Nix daemon');
  return yield* readNumber();
}

/** The version that both sides then speak; null: there is none. */
export function commonMinor(daemonVersion: number): number | null {
  if (daemonVersion >> 8 !== 1) return null;
  const minor = Math.min(daemonVersion & 0xff, newestMinor);
  return minor < oldestMinor ? null : minor;
}

/** What follows the greeting: features (1.38; none are asked for), and two fields without a meaning. */
export function introduction(minor: number): Buffer {
  const writer = new WireWriter();
  if (minor >= 38) writer.texts([]);
  return writer.number(0).number(0).take();
}

export interface DaemonIdentity {
  readonly minor: number;
  /** Version of Nix. */
  readonly nix: string;
  /** Whether the daemon trusts this user; null: it does not tell (before 1.35). */
  readonly trusted: boolean | null;
  readonly features: readonly string[];
}

/** The daemon's answer to `introduction`; then come messages as with every operation. */
export function* readIntroduction(minor: number): Decode<DaemonIdentity> {
  const features = minor >= 38 ? yield* readTexts() : [];
  const nix = yield* readText();
  const trust = minor >= 35 ? yield* readNumber() : 0;
  return { minor, nix, trusted: trust === 0 ? null : trust === 1, features };
}

export interface ClientSettings {
  readonly keepGoing: boolean;
  readonly maxJobs: number;
  readonly cores: number;
  readonly useSubstitutes: boolean;
  /** Settings of nix.conf by name; of a user who is not trusted the daemon takes few. */
  readonly overrides: Readonly<Record<string, string>>;
}

/** Messages up to errors and warnings; log lines of builders come as results of activities, whatever is set here. */
const verbosity = 1;
const noLimit = 0;

export function setOptions(settings: ClientSettings): Buffer {
  const writer = new WireWriter().number(operations.setOptions);
  const [keepFailed, fallback, useBuildHook, silentTime] = [false, false, true, noLimit];
  writer.bool(keepFailed).bool(settings.keepGoing).bool(fallback).number(verbosity).number(settings.maxJobs);
  writer.number(silentTime).bool(useBuildHook);
  // Verbosity of builders, type of log, tracing: without a meaning today.
  writer.number(0).number(0).number(0);
  return writer.number(settings.cores).bool(settings.useSubstitutes).pairs(settings.overrides).take();
}

/** How contents become a path: `text` (with references), a file, or a tree as NAR. */
export type AddMethod = 'text' | 'flat' | 'nar';

const methodNames: Readonly<Record<AddMethod, string>> = {
  text: 'text:sha256',
  flat: 'fixed:sha256',
  nar: 'fixed:r:sha256',
};

/** The beginning of `AddToStore`; the contents follow as frames, and `endOfFrames`. The answer is a `PathInfo`. */
export function addToStore(name: string, method: AddMethod, references: readonly StorePath[]): Buffer {
  const writer = new WireWriter().number(operations.addToStore);
  return writer.text(name).text(methodNames[method]).texts(references).bool(false).take();
}

export const endOfFrames: Uint8Array = new Uint8Array(8);

/** Answer: the paths that are valid. */
export function queryValidPaths(paths: readonly StorePath[]): Buffer {
  const substitute = false;
  return new WireWriter().number(operations.queryValidPaths).texts(paths).bool(substitute).take();
}

/** Keeps a path from being collected as long as the connection lasts. Answer: a number. */
export function addTempRoots(paths: readonly StorePath[]): Buffer {
  const writer = new WireWriter();
  for (const path of paths) writer.number(operations.addTempRoot).text(path);
  return writer.take();
}

/** `link`: a symlink outside of the store; what it points to is not collected. Answer: a number. */
export function addIndirectRoot(link: string): Buffer {
  return new WireWriter().number(operations.addIndirectRoot).text(link).take();
}

/** Answer: `readPathInfo`. */
export function queryPathInfo(path: StorePath): Buffer {
  return new WireWriter().number(operations.queryPathInfo).text(path).take();
}

/** Answer: the bytes of the NAR, whose length `queryPathInfo` tells. */
export function narFromPath(path: StorePath): Buffer {
  return new WireWriter().number(operations.narFromPath).text(path).take();
}

/** Builds all outputs of derivations. Answer: `readBuildResults`. */
export function buildPathsWithResults(drvPaths: readonly StorePath[]): Buffer {
  const writer = new WireWriter().number(operations.buildPathsWithResults);
  const normal = 0;
  return writer
    .texts(drvPaths.map((path) => `${path}!*`))
    .number(normal)
    .take();
}

/** Kinds of strings that must not be mixed up, and the derivation as Nix knows it. No IO in this room. */

declare const brand: unique symbol;
export type Brand<T, Kind extends string> = T & { readonly [brand]: Kind };

/** `/nix/store/<nix32 hash>-<name>` */
export type StorePath = Brand<string, 'StorePath'>;
/** A store path that ends in `.drv`. */
export type DrvPath = StorePath & Brand<string, 'DrvPath'>;
/** A sha256 as 64 lower-case hex digits. */
export type Sha256 = Brand<string, 'Sha256'>;

export const storeDir = '/nix/store';

export interface DerivationOutput {
  readonly path: StorePath;
  /** Empty but for a fixed-output derivation (`sha256`, `r:sha256`). */
  readonly hashAlgo: string;
  readonly hash: string;
}

/** What a `.drv` file says (ATerm `Derive(...)`). */
export interface Derivation {
  readonly outputs: Readonly<Record<string, DerivationOutput>>;
  readonly inputDrvs: Readonly<Record<DrvPath, readonly string[]>>;
  readonly inputSrcs: readonly StorePath[];
  readonly system: string;
  readonly builder: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A derivation with everything that follows from its contents. Made by `sealDerivation`. */
export interface SealedDerivation {
  readonly name: string;
  readonly derivation: Derivation;
  readonly drvPath: DrvPath;
  readonly outPath: StorePath;
  /** `hashDerivationModulo`: what enters the hash of a derivation that has this one as an input. */
  readonly moduloHash: Sha256;
  /** The ATerm: the contents of the `.drv` file. */
  readonly aterm: string;
}

/** What `sealDerivation` takes: outputs and `env.out` are computed. */
export interface DerivationDraft {
  readonly name: string;
  readonly system: string;
  readonly builder: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly inputDrvs: readonly SealedDerivation[];
  readonly inputSrcs: readonly StorePath[];
}

/** A file tree, as NAR sees it. Directory entries in any order; the NAR writer sorts them by byte value. */
export type NarNode =
  | { readonly type: 'regular'; readonly executable: boolean; readonly size: number; readonly contents: NarContents }
  | { readonly type: 'symlink'; readonly target: string }
  | { readonly type: 'directory'; readonly entries: readonly { readonly name: string; readonly node: NarNode }[] };

/** Contents of a regular file: bytes, or a function that opens a stream of them. */
export type NarContents = Uint8Array | (() => AsyncIterable<Uint8Array>);

/** The Rust toolchain as an input: a content-addressed path for the part of the sysroot that building reads. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { DiskCache } from '../cargo/disk-cache.ts';
import type { Toolchain } from '../cargo/types.ts';
import type { SourceInput } from '../engine/types.ts';
import { narHash } from '../nix/nar.ts';
import { sourcePath, toStoreName } from '../nix/store-path.ts';
import type { Sha256, StorePath } from '../nix/types.ts';
import { UserError } from '../sys/errors.ts';
import { type HostFile, hostFile, hostFilesBelow, treeOf } from './host-files.ts';
import type { ToolchainInput, ToolchainPaths } from './types.ts';

/** rustc's own libraries: in a sysroot like `/usr` the rest of `lib` is not its business. */
const ownLibrary = /^lib(?:rustc|std-|test-|LLVM).*\.so/;

/**
 * Hashes the toolchain once; from then on its files' stats are enough. `platforms`: those of the unit graph, the host
 * as null. Throws `UserError` D0703 when rustc is not the one of its sysroot.
 */
export async function readToolchainInput(
  toolchain: Toolchain,
  platforms: Iterable<string | null>,
  cache: DiskCache,
): Promise<ToolchainInput> {
  requireOwnRustc(toolchain);
  const known = new Map<string | null, ToolchainPaths>();
  for (const platform of new Set([null, ...platforms])) known.set(platform, await pathsFor(toolchain, platform, cache));
  return {
    for: (platform) => {
      const paths = known.get(platform);
      if (paths === undefined) throw new Error(`no toolchain was read for ${platform}`);
      return paths;
    },
  };
}

async function pathsFor(toolchain: Toolchain, platform: string | null, cache: DiskCache): Promise<ToolchainPaths> {
  const { sysroot, release } = toolchain;
  const files = sysrootFiles(sysroot, [...new Set([toolchain.host, platform ?? toolchain.host])]);
  const suffix = platform === null || platform === toolchain.host ? '' : `-${platform}`;
  const { path: own, narHash: hash } = await contentAddressed(`rust-${release}${suffix}`, files, cache);
  const tree = new Map(files.map((file) => [file.name, file.real]));
  const rust: SourceInput = { kind: 'host-directory', path: own, from: sysroot, files: tree, narHash: hash };
  const bin = path.join(own, 'bin');
  const cargo = await cargoOf(toolchain, own, cache);
  return {
    path: own,
    inputs: cargo.input === null ? [rust] : [rust, cargo.input],
    cargo: cargo.program,
    rustc: path.join(bin, 'rustc'),
    rustdoc: path.join(bin, 'rustdoc'),
  };
}

/** What a compilation may read of a sysroot; documentation, sources and installers' notes are no part of it. */
export function sysrootFiles(sysroot: string, triples: readonly string[]): readonly HostFile[] {
  const programs = ['rustc', 'rustdoc', 'cargo'].map((name) => `bin/${name}`);
  const libraries = fs
    .readdirSync(path.join(sysroot, 'lib'))
    .filter((name) => ownLibrary.test(name))
    .map((name) => `lib/${name}`);
  return [
    ...[...programs, ...libraries].flatMap((name) => hostFile(sysroot, name) ?? []),
    ...triples.flatMap((triple) => hostFilesBelow(sysroot, `lib/rustlib/${triple}`)),
  ];
}

async function contentAddressed(
  name: string,
  files: readonly HostFile[],
  cache: DiskCache,
): Promise<{ readonly path: StorePath; readonly narHash: Sha256 }> {
  const stamps = files.map((file) => [file.name, file.real, file.stamp]);
  const storeName = toStoreName(name);
  const before = cache.read('host-tree', stamps);
  const hash = typeof before === 'string' ? (before as Sha256) : await narHash(treeOf(files));
  if (before !== hash) cache.write('host-tree', stamps, hash);
  return { path: sourcePath(storeName, hash), narHash: hash };
}

/** A cargo from elsewhere (a toolchain that has none of its own) is an input beside the toolchain. */
async function cargoOf(
  toolchain: Toolchain,
  own: StorePath,
  cache: DiskCache,
): Promise<{ readonly program: string; readonly input: SourceInput | null }> {
  if (sameFile(toolchain.cargo, path.join(toolchain.sysroot, 'bin/cargo'))) {
    return { program: path.join(own, 'bin/cargo'), input: null };
  }
  const file = hostFile(path.dirname(toolchain.cargo), path.basename(toolchain.cargo));
  if (file === null) throw new Error(`cargo is not at ${toolchain.cargo}`);
  const { path: found } = await contentAddressed('cargo', [{ ...file, name: 'bin/cargo' }], cache);
  const files = new Map([['bin/cargo', file.real]]);
  return { program: path.join(found, 'bin/cargo'), input: { kind: 'tree', path: found, files } };
}

function requireOwnRustc({ rustc, sysroot }: Toolchain): void {
  if (sameFile(rustc, path.join(sysroot, 'bin/rustc'))) return;
  throw new UserError(
    'D0703',
    `rustc is ${rustc}, but its sysroot is ${sysroot}: a compiler outside of its sysroot cannot be put into a sandbox`,
    'unset RUSTC and build.rustc, or name the rustc in its own toolchain directory',
  );
}

function sameFile(one: string, other: string): boolean {
  try {
    return fs.realpathSync(one) === fs.realpathSync(other);
  } catch {
    return false;
  }
}

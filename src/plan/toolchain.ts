/**
 * The Rust toolchain as an input: a content-addressed path for the part of the sysroot that building reads, or the store
 * paths of a toolchain that lies in the machine's Nix store.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { DiskCache } from '../cargo/disk-cache.ts';
import type { Toolchain } from '../cargo/types.ts';
import type { SourceInput } from '../engine/types.ts';
import type { StorePath } from '../nix/types.ts';
import { UserError } from '../sys/errors.ts';
import { contentAddressed } from './content.ts';
import { type HostFile, hostFile, hostFilesBelow } from './host-files.ts';
import { inputsOf, type NixTools } from './nix-tools.ts';
import type { ToolchainInput, ToolchainPaths } from './types.ts';

/** rustc's own libraries: in a sysroot like `/usr` the rest of `lib` is not its business. */
const ownLibrary = /^lib(?:rustc|std-|test-|LLVM).*\.so/;

/**
 * Hashes the toolchain once; from then on its files' stats are enough. `platforms`: those of the unit graph, the host
 * as null. Throws `UserError` D0703 when the sysroot has no rustc, so that another one
 * could not call it.
 */
export async function readToolchainInput(
  toolchain: Toolchain,
  platforms: Iterable<string | null>,
  cache: DiskCache,
  nix: NixTools,
): Promise<ToolchainInput> {
  const inStore = await storePaths(toolchain, cache, nix);
  if (inStore !== null) return { for: () => inStore };
  const known = new Map<string | null, ToolchainPaths>();
  for (const platform of new Set([null, ...platforms]))
    known.set(platform, await pathsFor(toolchain, platform, cache, nix));
  return {
    for: (platform) => {
      const paths = known.get(platform);
      if (paths === undefined) throw new Error(`no toolchain was read for ${platform}`);
      return paths;
    },
  };
}

/** null: rustc or its sysroot lies elsewhere, or what they refer to is not known. */
async function storePaths(toolchain: Toolchain, cache: DiskCache, nix: NixTools): Promise<ToolchainPaths | null> {
  const root = nix.find(toolchain.sysroot);
  const rustc = nix.find(toolchain.rustc);
  if (root === null || rustc === null) return null;
  const sysroot = root.file;
  const beside = path.join(path.dirname(rustc.file), 'rustdoc');
  const rustdoc = fs.existsSync(beside) ? beside : path.join(sysroot, 'bin/rustdoc');
  const cargo = nix.find(toolchain.cargo);
  const copied = cargo === null ? await foreignProgram('cargo', toolchain.cargo, cache) : null;
  const programs = { rustc: rustc.file, rustdoc, cargo: cargo?.file ?? copied?.program ?? '' };
  return {
    path: sysroot,
    bin: [...new Set([rustc.file, rustdoc, programs.cargo].map((file) => path.dirname(file)))],
    inputs: [
      ...inputsOf([root, rustc, ...(cargo === null ? [] : [cargo])]),
      ...(copied === null ? [] : [copied.input]),
    ],
    callsRustc: false,
    usesHost: false,
    ...programs,
  };
}

async function pathsFor(
  toolchain: Toolchain,
  platform: string | null,
  cache: DiskCache,
  nix: NixTools,
): Promise<ToolchainPaths> {
  const { sysroot, release } = toolchain;
  const files = sysrootFiles(sysroot, [...new Set([toolchain.host, platform ?? toolchain.host])]);
  const suffix = platform === null || platform === toolchain.host ? '' : `-${platform}`;
  const { path: own, narHash: hash } = await contentAddressed(`rust-${release}${suffix}`, files, cache);
  const tree = new Map(files.map((file) => [file.name, file.real]));
  const rust: SourceInput = { kind: 'host-directory', path: own, from: sysroot, files: tree, narHash: hash };
  const bin = path.join(own, 'bin');
  const cargo = await programOf('cargo', toolchain.cargo, { sysroot, own }, cache, nix);
  const rustc = await programOf('rustc', toolchain.rustc, { sysroot, own }, cache, nix);
  return {
    path: own,
    bin: [bin],
    inputs: [rust, ...[cargo.input, rustc.input].filter((input) => input !== null)],
    cargo: cargo.program,
    rustc: rustc.program,
    rustdoc: path.join(bin, 'rustdoc'),
    callsRustc: rustc.input !== null,
    usesHost: rustc.input !== null && rustc.input.kind !== 'store-path',
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

/**
 * A cargo from elsewhere (a toolchain that has none of its own) or a rustc from elsewhere (a program that calls the one of
 * the sysroot) is an input beside the toolchain: its store path, or its file alone.
 */
async function programOf(
  name: 'cargo' | 'rustc',
  file: string,
  { sysroot, own }: { readonly sysroot: string; readonly own: StorePath },
  cache: DiskCache,
  nix: NixTools,
): Promise<{ readonly program: string; readonly input: SourceInput | null }> {
  const inside = `bin/${name}`;
  if (sameFile(file, path.join(sysroot, inside))) return { program: path.join(own, inside), input: null };
  if (name === 'rustc' && hostFile(sysroot, inside) === null) throw foreign(file, sysroot);
  const tool = nix.find(file);
  return tool === null ? foreignProgram(name, file, cache) : { program: tool.file, input: tool.input };
}

async function foreignProgram(
  name: 'cargo' | 'rustc',
  file: string,
  cache: DiskCache,
): Promise<{ readonly program: string; readonly input: SourceInput }> {
  const inside = `bin/${name}`;
  const found = hostFile(path.dirname(file), path.basename(file));
  if (found === null) throw new Error(`${name} is not at ${file}`);
  const { path: place } = await contentAddressed(name, [{ ...found, name: inside }], cache);
  const files = new Map([[inside, found.real]]);
  return { program: path.join(place, inside), input: { kind: 'tree', path: place, files } };
}

function foreign(rustc: string, sysroot: string): UserError {
  return new UserError(
    'D0703',
    `rustc is ${rustc}, and its sysroot ${sysroot} has none: such a compiler cannot be put into a sandbox`,
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

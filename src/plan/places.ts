/** Where a package's files stand in the sandbox: constant places, see docs/architecture.md. */
import * as path from 'node:path';
import type { Package, Workspace } from '../cargo/types.ts';
import type { SourceClosure } from '../sources/types.ts';

export const workspacePlace = '/build/ws';
export const depsPlace = '/build/deps';
/** Below it a Nix daemon shows what moves of the dependencies, by the identity of the unit that made it. */
export const viewedDepsPlace = '/deps';
export const outPlace = '/build/out';
export const incrementalPlace = '/incremental';
/** Stands for `target/tmp` where no real path may be baked in. */
export const scratchPlace = '/build/tmp';

export interface Place {
  /** Where the tree's root stands in the sandbox, and which host directory it stands for. */
  readonly root: string;
  readonly real: string;
  /** The package's directory in the sandbox. */
  readonly package: string;
  /** The working directory that cargo gives to rustc, in the sandbox. */
  readonly directory: string;
}

/** `closure.root` says which directory the sources' tree stands for; the rest follows. */
export function placeOf(workspace: Workspace, pkg: Package, closure: SourceClosure): Place {
  const real = closure.root;
  const root = rootPlace(workspace, pkg, real);
  const inside = path.join(root, path.relative(real, pkg.root));
  const member = pkg.source.kind === 'path' && root === workspacePlace;
  return { root, real, package: inside, directory: member ? root : inside };
}

function rootPlace(workspace: Workspace, pkg: Package, real: string): string {
  const named = `${pkg.name}-${pkg.version}`;
  switch (pkg.source.kind) {
    case 'crate':
    case 'vendored':
      return `/build/registry/${named}`;
    case 'git': {
      const checkouts = path.join(workspace.cargoHome, 'git', 'checkouts');
      const below = path.relative(checkouts, pkg.source.checkout);
      const name = below.startsWith('..') ? path.basename(pkg.source.checkout) : below.replaceAll(path.sep, '-');
      return `/build/git/${name}`;
    }
    case 'path':
      return real === workspace.root ? workspacePlace : `/build/path/${named}`;
  }
}

/** A host file of the package as rustc is told of it: relative to the workspace's root, or its absolute place. */
export function sourceArgument(place: Place, file: string): string {
  const below = path.relative(place.real, file);
  if (below.startsWith('..')) return path.join(place.root, below);
  return place.root === workspacePlace ? below : path.join(place.root, below);
}

/** Directories that a build script names to linkers and that no sandbox shows. */
import * as fs from 'node:fs';
import * as path from 'node:path';

/** Of the host and of a Nix store, as docs/sandbox.md has it. */
const shown = /^\/(?:usr|bin|sbin|lib|lib32|lib64|libx32|nix)(?:\/|$)/;

/**
 * Those of `searched` (`[KIND=]DIRECTORY`, real paths) that are there on the host and lie neither among what every sandbox
 * shows nor below one of `known`: the package's sources and the build directory, which a script's output holds itself.
 */
export function outOfSight(searched: readonly string[], known: readonly string[]): readonly string[] {
  const directories = searched.map((entry) => entry.replace(/^(?:native|crate|dependency|framework|all)=/, ''));
  return [...new Set(directories.filter((name) => path.isAbsolute(name)).map((name) => path.normalize(name)))].filter(
    (name) =>
      !shown.test(name) &&
      !known.some((root) => name === root || name.startsWith(`${root}/`)) &&
      fs.statSync(name, { throwIfNoEntry: false })?.isDirectory() === true,
  );
}

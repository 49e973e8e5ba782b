/** Whether a package's own code names the file system. */
import * as path from 'node:path';
import { readCrate, unusable } from '../cargo/crate-archive.ts';
import type { Package } from '../cargo/types.ts';
import type { Sha256 } from '../nix/types.ts';
import type { FileCache } from './file-cache.ts';
import type { Lists } from './local-closure.ts';
import type { Memory } from './memory.ts';
import { mentionsFiles, mentionsVersion } from './mentions.ts';
import { readChecksums } from './vendored.ts';

/**
 * Looks at the library's text: tests, examples, benches and the build script are left out. A registry package is read
 * from its archive, never from the unpacked copy; without the archive the answer is the careful one.
 */
export function packageMentionsFiles(pkg: Package, cache: FileCache, memory: Memory, lists: Lists): boolean {
  const { source } = pkg;
  switch (source.kind) {
    case 'crate': {
      const key = `${source.sha256}.${mentionsVersion}`;
      const known = memory.mentions.get(key);
      if (known !== undefined) return known;
      const read = readCrate(source.archive, source.sha256);
      if (!read.ok && read.failure.why === 'missing') return true;
      if (!read.ok) throw unusable(`${pkg.name} ${pkg.version}`, source.archive, source.sha256, read.failure);
      const mentions = [...read.value].some(([file, text]) => isLibraryText(file, pkg) && mentionsFiles(text));
      memory.mentions.set(key, mentions);
      return mentions;
    }
    case 'vendored':
      return Object.entries(readChecksums(pkg, source.sha256, cache).files).some(
        ([relative, checksum]) =>
          isLibraryText(relative, pkg) && cache.mentions(path.join(pkg.root, relative), checksum as Sha256),
      );
    case 'git':
    case 'path': {
      const entry = pkg.targets.find((target) => target.kind.some(isLibraryKind))?.src_path;
      const scan = entry === undefined ? null : lists.scan(entry, pkg);
      if (scan !== null && !scan.dynamic) return [...scan.files.values()].some((file) => cache.mentions(file));
      return lists
        .packageFiles(pkg)
        .some((file) => isLibraryText(path.relative(pkg.root, file), pkg) && cache.mentions(file));
    }
  }
}

function isLibraryText(relative: string, pkg: Package): boolean {
  if (!relative.endsWith('.rs') || /^(?:tests|examples|benches)\//.test(relative)) return false;
  return !pkg.targets.some(
    (target) => !target.kind.some(isLibraryKind) && path.resolve(pkg.root, relative) === target.src_path,
  );
}

function isLibraryKind(kind: string): boolean {
  return kind === 'proc-macro' || kind.endsWith('lib');
}

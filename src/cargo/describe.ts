import type { Package } from './types.ts';

/**
 * A package as cargo names it in messages: `foo v0.1.0 (/path)`, `foo v0.1.0 (https://…?rev=…#1234abcd)`,
 * `foo v0.1.0` for crates.io, `foo v0.1.0 (registry `name`)` for another registry.
 */
export function describePackage(pkg: Package): string {
  const name = `${pkg.name} v${pkg.version}`;
  switch (pkg.source.kind) {
    case 'path':
      return `${name} (${pkg.root})`;
    case 'git': {
      const url = pkg.id.replace(/^git\+/, '').replace(/#.*$/, '');
      return `${name} (${url}#${pkg.source.revision.slice(0, 8)})`;
    }
    default: {
      const url = pkg.id.replace(/#.*$/, '');
      const cratesIo =
        /^(sparse\+https:\/\/index\.crates\.io\/|registry\+https:\/\/github\.com\/rust-lang\/crates\.io-index)$/;
      if (cratesIo.test(url)) return name;
      return `${name} (registry \`${pkg.registry ?? url.replace(/^(registry|sparse)\+/, '')}\`)`;
    }
  }
}

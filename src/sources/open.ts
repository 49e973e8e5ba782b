/** `Sources`: from a unit's request to the store path of what it reads. */
import type { Package } from '../cargo/types.ts';
import { fixedOutputPath, toStoreName } from '../nix/store-path.ts';
import type { Sha256 } from '../nix/types.ts';
import { UserError } from '../sys/errors.ts';
import { ChangedMeanwhile, FileCache } from './file-cache.ts';
import { type Lists, localClosure, makeLists } from './local-closure.ts';
import { Memory } from './memory.ts';
import { packageMentionsFiles } from './package-mentions.ts';
import { treeOf } from './tree.ts';
import type { SourceClosure, SourceRequest, Sources } from './types.ts';
import { vendoredTree } from './vendored.ts';

export interface SourcesOptions {
  /** Absolute. */
  readonly workspaceRoot: string;
  /** Where to keep what was learned about files; made when needed. */
  readonly cacheDir: string;
  readonly cargoHome: string;
}

/** The texts of packages that are not the user's own are not read. */
const nothingSaid = { env: [], programs: [], repository: false } as const;

/** How often a closure is made again because a file changed while it was read. */
const attempts = 4;

/**
 * Opens the sources of one workspace. What lies between two calls of `save` is one pass: each file is looked at once.
 * After `save` files are looked at anew, and `watched` tells of the pass that ended until the next one asks something.
 * Throws `UserError` D0401 to D0406 from `closure` and `mentionsFileSystem`.
 */
export function openSources(options: SourcesOptions): Sources {
  return new WorkspaceSources(options);
}

class WorkspaceSources implements Sources {
  readonly #root: string;
  readonly #memory: Memory;
  readonly #cache: FileCache;
  #lists: Lists;
  #passEnded = false;

  constructor({ workspaceRoot, cacheDir }: SourcesOptions) {
    this.#root = workspaceRoot;
    this.#memory = new Memory(cacheDir, workspaceRoot);
    this.#cache = new FileCache(this.#memory);
    this.#lists = makeLists(workspaceRoot, this.#cache);
  }

  closure(request: SourceRequest): SourceClosure {
    return this.#steady(() => this.#closure(request));
  }

  mentionsFileSystem(pkg: Package): boolean {
    return this.#steady(() => packageMentionsFiles(pkg, this.#cache, this.#memory, this.#lists));
  }

  watched(): readonly string[] {
    return this.#cache.watched();
  }

  save(): void {
    this.#memory.save();
    this.#forget();
    this.#passEnded = true;
  }

  #closure(request: SourceRequest): SourceClosure {
    const pkg = request.package;
    const { source } = pkg;
    if (source.kind === 'crate') {
      const digest = source.sha256 as Sha256;
      const name = toStoreName(`${pkg.name}-${pkg.version}.crate`);
      const path = fixedOutputPath({ name, method: 'flat', sha256: digest });
      const input = { kind: 'file', path, from: source.archive, sha256: digest } as const;
      return { path, input, form: 'archive', root: pkg.root, ...nothingSaid };
    }
    if (source.kind === 'vendored') {
      const tree = vendoredTree(pkg, source.sha256, this.#cache, this.#memory);
      return {
        path: tree.path,
        input: { kind: 'tree', ...tree },
        form: 'tree',
        root: pkg.root,
        ...nothingSaid,
      };
    }
    const { root, files, ...said } = localClosure(request, this.#root, this.#cache, this.#lists);
    const tree = treeOf(`${pkg.name}-${pkg.version}-source`, files, this.#cache, this.#memory);
    return { path: tree.path, input: { kind: 'tree', ...tree }, form: 'tree', root, ...said };
  }

  #steady<Value>(make: () => Value): Value {
    if (this.#passEnded) this.#cache.unwatch();
    this.#passEnded = false;
    for (let attempt = 1; ; attempt++) {
      try {
        return make();
      } catch (error) {
        if (!(error instanceof ChangedMeanwhile)) throw error;
        if (attempt === attempts) throw restless(error);
        this.#forget();
      } finally {
        this.#cache.release();
      }
    }
  }

  #forget(): void {
    this.#cache.forget();
    this.#lists = makeLists(this.#root, this.#cache);
  }
}

function restless(error: ChangedMeanwhile): UserError {
  return new UserError(
    'D0406',
    `${error.file} changes all the time: it was different each time it was read`,
    'stop the program that writes it, or have git ignore it if no unit needs it',
    { cause: error },
  );
}

/** Copies of trees that Nix cannot take as they lie: a symlink in them would be taken as a link. */
import * as fs from 'node:fs';
import type { SourceInput } from '../engine/types.ts';
import { splitStorePath } from '../nix/store-path.ts';

type TreeInput = Extract<SourceInput, { kind: 'tree' }>;

/** Below it, one directory for each copied tree, named as its store path. */
export const copiesDirectory = 'sources';

export class Copies {
  readonly #trees = new Map<string, TreeInput>();

  /** The copy's place in the export. */
  add(input: TreeInput): string {
    const { hash, name } = splitStorePath(input.path);
    const place = `${copiesDirectory}/${hash}-${name}`;
    this.#trees.set(place, input);
    return place;
  }

  files(): [name: string, contents: Copy][] {
    return [...this.#trees].flatMap(([place, input]) =>
      [...input.files].map(([relative, file]): [string, Copy] => {
        const executable = (fs.statSync(file).mode & 0o100) !== 0;
        return [`${place}/${relative}`, { bytes: fs.readFileSync(file), executable }];
      }),
    );
  }

  notes(): readonly string[] {
    return [...this.#trees.keys()].map(
      (place) => `${place} is a copy, because its files are reached through symlinks: export again when they change`,
    );
  }
}

export interface Copy {
  readonly bytes: Uint8Array;
  readonly executable: boolean;
}

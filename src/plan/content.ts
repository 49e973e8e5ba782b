/** Inputs whose contents are known here. */
import { narHashSync } from '../nix/nar.ts';
import { sourcePath, textPath } from '../nix/store-path.ts';
import type { SourceInput } from '../engine/types.ts';
import type { SourceClosure } from '../sources/types.ts';

/** The builder's text as an input of every derivation. */
export function builderInput(text: string): SourceInput {
  return { kind: 'text', path: textPath('unit.sh', text), text };
}

/** A tree with nothing in it, for a unit that reads no sources. `root` is for the caller to say. */
export function emptyTree(): Omit<SourceClosure, 'root'> {
  const path = sourcePath('empty', narHashSync({ type: 'directory', entries: [] }));
  return { path, input: { kind: 'tree', path, files: new Map() }, form: 'tree', env: [] };
}

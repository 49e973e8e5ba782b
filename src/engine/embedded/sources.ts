/** Bringing the sources of goals into the store, each once in a build. */
import { lstatSync } from 'node:fs';
import type { StorePath } from '../../nix/types.ts';
import type { Store } from '../../store/types.ts';
import { sourceChanged } from '../source-changed.ts';
import type { FailureReason, SourceInput } from '../types.ts';

export interface SourceAdder {
  /** Adds what is not there yet. Null: all are there; else why one of them cannot be. */
  add(sources: readonly SourceInput[]): Promise<FailureReason | null>;
}

export function sourceAdder(store: Store): SourceAdder {
  const added = new Map<StorePath, Promise<FailureReason | null>>();
  const addOne = async (source: SourceInput): Promise<FailureReason | null> => {
    if (source.kind === 'store-path') return addClosure(store, source);
    const outcome = await store.addSource(source);
    return outcome.status === 'changed' ? sourceChanged(source) : null;
  };
  return {
    async add(sources) {
      for (const source of sources) {
        let adding = added.get(source.path);
        if (adding === undefined) {
          adding = addOne(source);
          added.set(source.path, adding);
        }
        const failure = await adding;
        if (failure !== null) return failure;
      }
      return null;
    },
  };
}

/** Notes where the paths of a closure lie, so that references to them count as in the store that they are of. */
async function addClosure(
  store: Store,
  { path, closure }: Extract<SourceInput, { kind: 'store-path' }>,
): Promise<FailureReason | null> {
  const gone = closure.find((each) => lstatSync(each, { throwIfNoEntry: false }) === undefined);
  if (gone !== undefined) {
    const message = `${gone} is no longer in the Nix store: ${path} refers to it`;
    return { kind: 'input', code: 'D0304', message };
  }
  for (const each of closure) {
    const references = each === path ? closure.filter((other) => other !== path) : [];
    await store.addSource({ kind: 'host-directory', path: each, from: each, references });
  }
  return null;
}

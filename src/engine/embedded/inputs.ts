/** What of a goal's inputs its sandbox shows. */
import type { StorePath } from '../../nix/types.ts';
import type { Store } from '../../store/types.ts';
import type { Attempt } from '../executor.ts';
import type { StageInput } from './stage.ts';

/** Outputs in the stage that the goal asks for, and its sources. Each store path once: `whole` wins. */
export function inputsOf(store: Store, attempt: Attempt): readonly StageInput[] {
  const inputs = new Map<StorePath, StageInput>();
  for (const { goal, stage, locations } of attempt.inputs) {
    const { outPath } = goal.sealed;
    const only = stage === 'early' ? goal.earlyFile : null;
    const known = inputs.get(outPath);
    if (known !== undefined && known.only === null) continue;
    inputs.set(outPath, { path: outPath, places: locations?.() ?? [store.hostPath(outPath)], only, bound: false });
  }
  for (const source of attempt.goal.sources) {
    if (source.kind === 'store-path') {
      for (const path of source.closure) inputs.set(path, { path, places: [path], only: null, bound: true });
      continue;
    }
    const bound = source.kind === 'host-directory';
    inputs.set(source.path, { path: source.path, places: [store.hostPath(source.path)], only: null, bound });
  }
  return [...inputs.values()];
}

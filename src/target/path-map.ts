/** Paths of the sandbox in texts, as the paths that the user knows. */
import type { PlannedUnit } from '../plan/types.ts';

/**
 * Real place of a unit's output (`deps`, `build/<package>-<id>`), by the store path that the sandbox shows; of a run also
 * what stands for the sources that it keeps for linkers (`<store path>/sources`, `<store path>/relative/`).
 */
export type OutputPlace = (storePath: string) => string | null;

export type PathMapper = (text: string) => string;

const mappers = new WeakMap<PlannedUnit['pathMap'], RegExp>();
const storePattern = /(\/nix\/store\/[0-9a-z]{32}-[\w+.?=-]+)(\/sources(?![\w+.?=-])|\/relative\/)?/g;

/**
 * Replaces every path of the sandbox in `text`. A path counts only where it stands on its own: not as the end of a
 * longer path, not as the beginning of a longer name; escape sequences of colours may come right before it.
 */
export function mapPaths(text: string, pathMap: PlannedUnit['pathMap'], outputs: OutputPlace): string {
  const mapped = pathMap.length === 0 ? text : text.replace(pattern(pathMap), (found) => lookUp(pathMap, found));
  if (!mapped.includes('/nix/store/')) return mapped;
  return mapped.replace(storePattern, (found, output: string, kept = '') => {
    const place = outputs(output);
    return outputs(found) ?? (place === null ? found : place + kept);
  });
}

/** `mapPaths` of one unit. */
export function mapperOf(unit: PlannedUnit, outputs: OutputPlace): PathMapper {
  return (text) => mapPaths(text, unit.pathMap, outputs);
}

function lookUp(pathMap: PlannedUnit['pathMap'], found: string): string {
  return pathMap.find(([sandbox]) => sandbox === found)?.[1] ?? found;
}

function pattern(pathMap: PlannedUnit['pathMap']): RegExp {
  let made = mappers.get(pathMap);
  if (made === undefined) {
    const names = pathMap.map(([sandbox]) => sandbox.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)).join('|');
    made = new RegExp(String.raw`(?:(?<![\w./-])|(?<=\x1b\[[\d;]*m))(?:${names})(?=[^\w.+-]|[.](?:\W|$)|$)`, 'g');
    mappers.set(pathMap, made);
  }
  return made;
}

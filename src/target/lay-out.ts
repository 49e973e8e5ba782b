/** The files of one unit: what goes where, and placing what is not there yet. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { isBuildScript, isRun } from '../plan/target.ts';
import type { PlannedUnit } from '../plan/types.ts';
import { translateDepInfo } from './dep-info.ts';
import { fingerprintOf, timestampName, timestampText } from './fingerprint.ts';
import { mapPaths, type OutputPlace } from './path-map.ts';
import { placeCopy, placeLink, placeText, placeTree } from './place.ts';
import { hasExecutable, outDirOf, type Places, unitDirectory, upliftPath } from './places.ts';
import type { Placed, Sealed, UnitEntry } from './record.ts';
import type { LaidOutNames } from './types.ts';
import { makeDirectories } from '../sys/directories.ts';

/** The sandbox's name of `$out` as rustc writes it into dep-info. */
const sandboxOut = '/build/out';
/** The time of every file in a Nix store, and of those in ours that have none of their own (Nix manual, "store path"). */
const epochMilliseconds = 1000;

type PlacedUnit = Pick<UnitEntry, 'files' | 'trees'>;

/** The names of a unit's results, without looking at `target/`. `exists`: whether the unit has made a file. */
export function namesOf(places: Places, unit: PlannedUnit, exists: (name: string) => boolean): LaidOutNames {
  const directory = unitDirectory(places, unit);
  if (isRun(unit.unit)) return { filenames: [], executable: null, directory };
  const filenames: string[] = [];
  let executable: string | null = null;
  for (const file of unit.files) {
    const name = upliftPath(places, unit, file) ?? path.join(directory, file.name);
    if (file.flavor === 'normal' && executable === null && hasExecutable(unit)) executable = name;
    if (exists(file.name)) filenames.push(name);
  }
  return { filenames, executable, directory };
}

/**
 * Places the output of a compilation: its files, their uplifted copies, and rustc's dep-info with real paths. A file
 * without an identity in its name is a file of its own: cargo's rustc writes into the same file, if cargo builds next.
 */
export async function placeCompilation(
  places: Places,
  unit: PlannedUnit,
  outDir: string,
  outputs: OutputPlace,
): Promise<PlacedUnit> {
  const { depInfo } = fingerprintOf(places, unit);
  const directory = unitDirectory(places, unit);
  makeDirectories(directory);
  const files: Placed[] = [];
  const trees: Sealed[] = [];
  for (const entry of fs.readdirSync(outDir, { withFileTypes: true })) {
    const [from, to] = [path.join(outDir, entry.name), path.join(directory, entry.name)];
    if (entry.isDirectory()) trees.push(...(await placeTree(from, to)));
    else if (entry.name.endsWith('.d')) {
      const text = realDepInfo(from, directory, unit, outputs);
      files.push(placeText(text, to));
      if (depInfo !== null) placeText(text, depInfo);
    } else files.push(await (entry.name.includes(unit.id) ? placeLink(from, to) : placeCopy(from, to)));
  }
  for (const file of unit.files) {
    const to = upliftPath(places, unit, file);
    const from = path.join(outDir, file.name);
    if (to === null || !fs.existsSync(from)) continue;
    makeDirectories(path.dirname(to));
    files.push(await (sharesContents(unit, from) ? placeLink(from, to) : placeCopy(from, to)));
  }
  return { files, trees };
}

/** Copies what `target/` shows under plain names into a directory that holds nothing else of cargo's. */
export async function exportArtifacts(
  directory: string,
  places: Places,
  unit: PlannedUnit,
  outDir: string,
): Promise<void> {
  if (isBuildScript(unit.unit.target)) return;
  for (const file of unit.files) {
    const [from, shown] = [path.join(outDir, file.name), upliftPath(places, unit, file)];
    if (shown === null || !fs.existsSync(from)) continue;
    fs.mkdirSync(directory, { recursive: true });
    await placeCopy(from, path.join(directory, path.basename(shown)));
  }
}

/** Places the output of a build-script run: what it printed, and `OUT_DIR` as a tree. */
export async function placeRun(places: Places, unit: PlannedUnit, outDir: string): Promise<PlacedUnit> {
  const directory = unitDirectory(places, unit);
  makeDirectories(directory);
  const printed = ['output', 'stderr'].filter((name) => fs.existsSync(path.join(outDir, name)));
  const links = printed.map((name) => placeLink(path.join(outDir, name), path.join(directory, name)));
  const files = await Promise.all(links);
  const out = outDirOf(places, unit);
  files.push(placeText(out, path.join(directory, 'root-output')));
  files.push(placeText(timestampText, path.join(directory, timestampName)));
  const tree = path.join(outDir, 'out');
  const trees = fs.existsSync(tree) ? await placeTree(tree, out) : [];
  return { files, trees };
}

/**
 * Libraries for rustc are large and nobody writes into them. Executables and the like are files like any other: links
 * where the store holds them as such, as cargo's are links into `deps`; else copies. Times tell which: Nix's are all one.
 */
function sharesContents(unit: PlannedUnit, file: string): boolean {
  if (isBuildScript(unit.unit.target) || file.endsWith('.rlib') || file.endsWith('.rmeta')) return true;
  return unit.goal.own.includes(path.basename(file)) && fs.lstatSync(file).mtimeMs > epochMilliseconds;
}

function realDepInfo(file: string, directory: string, unit: PlannedUnit, outputs: OutputPlace): string {
  const map = (text: string) =>
    text.startsWith(`${sandboxOut}/`)
      ? path.join(directory, text.slice(sandboxOut.length))
      : mapPaths(text, unit.pathMap, outputs);
  return translateDepInfo(fs.readFileSync(file, 'utf8'), map);
}

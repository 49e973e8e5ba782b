/**
 * The dep-info files that cargo itself writes beside uplifted outputs, for other build systems: every file of the unit
 * and of the path packages below it, `rerun-if-changed` included (the Cargo book, "Dep-info files").
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { isRun } from '../plan/target.ts';
import type { Plan, PlannedUnit, UnitId } from '../plan/types.ts';
import { parseDepInfo, renderRule } from './dep-info.ts';
import { mapPaths, type OutputPlace } from './path-map.ts';
import { placeText } from './place.ts';
import { type Places, unitDirectory, upliftPath } from './places.ts';
import type { Placed } from './record.ts';

export interface RootDepInfo {
  readonly places: Places;
  readonly plan: Plan;
  readonly outputs: OutputPlace;
  /** What is placed of a unit. */
  placed(unit: PlannedUnit): readonly Placed[];
  /** `build.dep-info-basedir`: paths below it are written relative to it. */
  readonly basedir: string | null;
}

/** The unit with every unit of a path package below it: what its dep-info file depends on. */
export function localClosure(plan: Plan, root: PlannedUnit): PlannedUnit[] {
  const seen = new Set<UnitId>([root.id]);
  const closure = [root];
  for (const unit of closure) {
    for (const id of unit.dependencies) {
      const dependency = plan.byId.get(id);
      if (dependency === undefined || seen.has(id) || dependency.package.source.kind !== 'path') continue;
      seen.add(id);
      closure.push(dependency);
    }
  }
  return closure;
}

/** The dep-info files that belong beside a unit's uplifted outputs; where two outputs share one, the later is named. */
export function rootDepInfoFiles(
  places: Places,
  unit: PlannedUnit,
): { readonly output: string; readonly file: string }[] {
  const files = new Map<string, string>();
  for (const file of unit.files) {
    if (file.flavor === 'debug-info' || file.flavor === 'auxiliary') continue;
    const output = upliftPath(places, unit, file);
    if (output === null) continue;
    const parsed = path.parse(output);
    files.set(path.join(parsed.dir, `${parsed.name}.d`), output);
  }
  return [...files].map(([file, output]) => ({ output, file }));
}

/** Writes them for one root. A file whose list is right already keeps its time. Returns what is in place now. */
export function writeRootDepInfo(context: RootDepInfo, root: PlannedUnit): Placed[] {
  const names = new Set<string>();
  for (const unit of localClosure(context.plan, root)) {
    if (isRun(unit.unit)) addRerunInputs(names, context, unit);
    else addFiles(names, context, unit);
  }
  const sorted = [...names].sort(byComponents).map((name) => shown(name, context.basedir));
  return rootDepInfoFiles(context.places, root).flatMap(({ output, file }) => {
    if (!fs.existsSync(output)) return [];
    const before = fs.existsSync(file) ? parseDepInfo(fs.readFileSync(file, 'utf8')).files : null;
    if (before !== null && before.join('\0') === sorted.join('\0')) return [standing(file)];
    return [placeText(renderRule(shown(output, context.basedir), sorted), file)];
  });
}

function addFiles(names: Set<string>, context: RootDepInfo, unit: PlannedUnit): void {
  const directory = unitDirectory(context.places, unit);
  const cwd = mapPaths(unit.directory, unit.pathMap, context.outputs);
  for (const [file] of context.placed(unit)) {
    if (!file.endsWith('.d') || path.dirname(file) !== directory) continue;
    for (const name of parseDepInfo(fs.readFileSync(file, 'utf8')).files) names.add(path.resolve(cwd, name));
  }
}

function addRerunInputs(names: Set<string>, context: RootDepInfo, run: PlannedUnit): void {
  const output = path.join(unitDirectory(context.places, run), 'output');
  if (!fs.existsSync(output)) return;
  for (const line of fs.readFileSync(output, 'utf8').split('\n')) {
    const file = /^cargo::?rerun-if-changed=(.*)$/.exec(line.trim())?.[1];
    if (file === undefined) continue;
    const real = mapPaths(file, run.pathMap, context.outputs);
    names.add(path.isAbsolute(real) ? real : path.join(run.package.root, real));
  }
}

/** The order of Rust's paths: by their components. */
function byComponents(a: string, b: string): number {
  const [left, right] = [a.replaceAll('/', '\0'), b.replaceAll('/', '\0')];
  return left < right ? -1 : left > right ? 1 : 0;
}

function shown(file: string, basedir: string | null): string {
  if (basedir === null) return file;
  const relative = path.relative(basedir, file);
  return relative.startsWith('..') || path.isAbsolute(relative) ? file : relative;
}

function standing(file: string): Placed {
  const stat = fs.lstatSync(file);
  return [file, 'text', stat.size, stat.mtimeMs, stat.ino];
}

/** `target/` opened for one build: its locks are held, and what lies in it is known from the record. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Workspace } from '../cargo/types.ts';
import { isRun } from '../plan/target.ts';
import type { Plan, PlannedUnit, UnitId } from '../plan/types.ts';
import { namesOf, placeCompilation, placeRun } from './lay-out.ts';
import { type LockTargetOptions, lockTarget } from './locks.ts';
import { removeTree } from './place.ts';
import { type Places, placesOf, unitDirectory } from './places.ts';
import {
  type LayoutRecord,
  type Placed,
  readRecord,
  type Sealed,
  seal,
  stillSealed,
  stillThere,
  type UnitEntry,
  writeRecord,
} from './record.ts';
import { localClosure, rootDepInfoFiles, writeRootDepInfo } from './root-dep-info.ts';
import type { LaidOut, LaidOutNames, Target } from './types.ts';

/** Records of units that are no longer planned are kept up to this number. */
const keptUnits = 5000;

/**
 * Takes cargo's locks (waiting for them where another build holds them) and creates the directories. Rejects with the
 * system error when that cannot be done. `close` gives the locks back.
 */
export async function openTarget(workspace: Workspace, options: LockTargetOptions = {}): Promise<Target> {
  const locks = await lockTarget(workspace, options);
  const target = new OpenTarget(workspace);
  return Object.assign(target, {
    close: () => {
      target.keep();
      for (const lock of locks) lock.release();
    },
  });
}

/** Names are worked out when somebody asks: a build with nothing to do asks for none. */
class Laid implements LaidOut {
  readonly changed: boolean;
  readonly #places: Places;
  readonly #unit: PlannedUnit;
  readonly #entry: UnitEntry;
  readonly renewed: boolean;
  #names: LaidOutNames | null = null;

  constructor(places: Places, unit: PlannedUnit, entry: UnitEntry, done: Omit<LaidOut, keyof LaidOutNames>) {
    this.changed = done.changed;
    this.renewed = done.renewed;
    this.#places = places;
    this.#unit = unit;
    this.#entry = entry;
  }

  get filenames(): readonly string[] {
    return this.#found().filenames;
  }

  get executable(): string | null {
    return this.#found().executable;
  }

  get directory(): string {
    return unitDirectory(this.#places, this.#unit);
  }

  #found(): LaidOutNames {
    if (this.#names === null) {
      const made = new Set(this.#entry.files.map(([file]) => path.basename(file)));
      this.#names = namesOf(this.#places, this.#unit, (name) => made.has(name));
    }
    return this.#names;
  }
}

class OpenTarget implements Omit<Target, 'close'> {
  readonly places: Places;
  readonly #root: string;
  readonly #file: string;
  readonly #record: LayoutRecord;
  readonly #basedir: string | null;
  /** Directories in which nothing was created, removed or renamed since the last build. */
  readonly #trusted: Set<string>;
  readonly #known = new Map<string, string>();
  readonly #changed = new Set<UnitId>();
  #finished = false;

  constructor(workspace: Workspace) {
    this.places = placesOf(workspace);
    this.#root = this.places.intermediates(null);
    this.#file = path.join(this.#root, '.drydock', 'layout.json');
    this.#record = readRecord(this.#file, this.#root);
    this.#trusted = new Set(this.#record.sealed.filter(stillSealed).map(([directory]) => directory));
    const basedir = workspace.config.get('build.dep-info-basedir');
    this.#basedir = typeof basedir === 'string' ? path.resolve(workspace.root, basedir) : null;
  }

  readonly outputs = (storePath: string): string | null => this.#known.get(storePath) ?? null;

  know(unit: PlannedUnit): void {
    this.#known.set(unit.goal.sealed.outPath, unitDirectory(this.places, unit));
  }

  layOut(unit: PlannedUnit, outDir: string): LaidOut {
    this.know(unit);
    const before = this.#record.units.get(unit.id);
    const right = before !== undefined && before.out === unit.goal.sealed.outPath && this.#isRight(before);
    if (right) return new Laid(this.places, unit, before, { changed: false, renewed: false });
    const held = before?.out ?? this.#record.moved.get(unit.id);
    const renewed = held !== unit.goal.sealed.outPath || (before !== undefined && this.#isBroken(unit, before));
    const entry = isRun(unit.unit)
      ? placeRun(this.places, unit, outDir)
      : placeCompilation(this.places, unit, outDir, this.outputs);
    const kept = new Set(entry.files.map(([file]) => file));
    for (const [file] of before?.files ?? []) if (!kept.has(file) && !file.endsWith('.d')) removeTree(file);
    this.#record.units.set(unit.id, entry);
    this.#changed.add(unit.id);
    return new Laid(this.places, unit, entry, { changed: true, renewed });
  }

  locate(unit: PlannedUnit): LaidOut {
    this.know(unit);
    return { ...namesOf(this.places, unit, () => true), changed: false, renewed: false };
  }

  finish(plan: Plan): void {
    this.#finished = true;
    const context = {
      places: this.places,
      plan,
      outputs: this.outputs,
      basedir: this.#basedir,
      placed: ({ id }: PlannedUnit) => this.#record.units.get(id)?.files ?? [],
    };
    const sameBase = this.#record.basedir === this.#basedir;
    this.#record.basedir = this.#basedir;
    for (const unit of plan.units) {
      const entry = this.#record.units.get(unit.id);
      if (!unit.root || entry === undefined || isRun(unit.unit)) continue;
      const wanted = rootDepInfoFiles(this.places, unit);
      const standing = sameBase && wanted.every(({ file }) => entry.files.some((placed) => placed[0] === file));
      if (standing && !localClosure(plan, unit).some(({ id }) => this.#changed.has(id))) continue;
      const own = entry.files.filter(([file]) => !wanted.some((other) => other.file === file));
      this.#record.units.set(unit.id, { ...entry, files: [...own, ...writeRootDepInfo(context, unit)] });
      this.#changed.add(unit.id);
    }
    if (this.#changed.size === 0 && this.#record.sealed.length === this.#trusted.size) return;
    this.#prune(plan);
    this.#record.sealed = this.#sealAll(plan);
    writeRecord(this.#file, this.#root, this.#record);
  }

  /** What a build that failed has placed is known to the next one. */
  keep(): void {
    if (this.#changed.size === 0 || this.#finished) return;
    try {
      writeRecord(this.#file, this.#root, this.#record);
    } catch {
      // The next build looks at everything anew.
    }
  }

  placed(plan: Plan): readonly string[] {
    const files = new Set<string>(this.#record.sealed.map(([directory]) => directory));
    for (const { id } of plan.units) {
      const entry = this.#record.units.get(id);
      for (const placed of entry?.files ?? []) if (!files.has(path.dirname(placed[0]))) files.add(placed[0]);
      for (const [directory] of entry?.trees ?? []) files.add(directory);
    }
    return [...files];
  }

  #isRight(entry: UnitEntry): boolean {
    return entry.files.every((file) => this.#isTrusted(file) || stillThere(file)) && entry.trees.every(stillSealed);
  }

  #isBroken(unit: PlannedUnit, { files }: UnitEntry): boolean {
    const directory = unitDirectory(this.places, unit);
    return files.some(([file]) => path.dirname(file) === directory && !fs.existsSync(file));
  }

  /** A link cannot be written through unnoticed (the store looks at its own files), so its directory's word is enough. */
  #isTrusted([file, how]: Placed): boolean {
    return how !== 'copy' && this.#trusted.has(path.dirname(file));
  }

  /**
   * Seals the directories that hold only our files, after which their word stands for that of every file in them: so
   * all of them are looked at once more. A unit of another plan that is not whole any more is forgotten.
   */
  #sealAll(plan: Plan): Sealed[] {
    const inside = new Map<string, boolean>();
    for (const { files } of this.#record.units.values())
      for (const [file] of files) inside.set(path.dirname(file), true);
    inside.delete(this.#root);
    const sealed = [...inside.keys()].flatMap((directory) => (fs.existsSync(directory) ? [seal(directory)] : []));
    for (const [id, { files }] of this.#record.units) {
      const missing = files.filter((file) => inside.has(path.dirname(file[0])) && !stillThere(file));
      if (missing.length === 0) continue;
      if (!plan.byId.has(id)) this.#record.units.delete(id);
      else for (const [file] of missing) inside.set(path.dirname(file), false);
    }
    return sealed.filter(([directory]) => inside.get(directory) === true);
  }

  #prune(plan: Plan): void {
    if (this.#record.units.size <= keptUnits) return;
    for (const id of this.#record.units.keys()) if (!plan.byId.has(id)) this.#record.units.delete(id);
  }
}

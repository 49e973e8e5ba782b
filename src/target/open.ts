/** `target/` opened for one build: its locks are held, and what lies in it is known from its units' records. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Workspace } from '../cargo/types.ts';
import { isRun } from '../plan/target.ts';
import type { Plan, PlannedUnit, UnitId } from '../plan/types.ts';
import type { Lock } from '../sys/lock.ts';
import { fingerprintOf, timestampText } from './fingerprint.ts';
import { exportArtifacts, namesOf, placeCompilation, placeRun } from './lay-out.ts';
import { type LockTargetOptions, lockTarget } from './locks.ts';
import { placeText, removeTree } from './place.ts';
import { type Places, placesOf, unitDirectory } from './places.ts';
import {
  type Held,
  type Placed,
  readEntry,
  seal,
  stillSealed,
  stillThere,
  type UnitEntry,
  writeEntry,
} from './record.ts';
import { localClosure, rootDepInfoFiles, writeRootDepInfo } from './root-dep-info.ts';
import type { LaidOut, LaidOutNames, Target } from './types.ts';
import { makeDirectories } from '../sys/directories.ts';

/**
 * Takes cargo's locks (waiting for them where another build holds them) and creates the directories. Rejects with the
 * system error when that cannot be done. `close` gives the locks back.
 */
export async function openTarget(workspace: Workspace, options: LockTargetOptions = {}): Promise<Target> {
  return new OpenTarget(workspace, await lockTarget(workspace, options));
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

class OpenTarget implements Target {
  readonly places: Places;
  readonly #root: string;
  readonly #locks: readonly Lock[];
  readonly #held = new Map<UnitId, Held | null>();
  readonly #basedir: string | null;
  readonly #artifactDir: string | null;
  readonly #known = new Map<string, string>();
  readonly #changed = new Set<UnitId>();

  constructor(workspace: Workspace, locks: readonly Lock[]) {
    this.places = placesOf(workspace);
    this.#root = this.places.intermediates(null);
    this.#locks = locks;
    this.#artifactDir = workspace.artifactDir;
    const basedir = workspace.config.get('build.dep-info-basedir');
    this.#basedir = typeof basedir === 'string' ? path.resolve(workspace.root, basedir) : null;
  }

  readonly outputs = (storePath: string): string | null => this.#known.get(storePath) ?? null;

  know(unit: PlannedUnit): void {
    const { outPath } = unit.goal.sealed;
    this.#known.set(outPath, unitDirectory(this.places, unit));
    if (!isRun(unit.unit)) return;
    this.#known.set(`${outPath}/sources`, unit.source.root);
    this.#known.set(`${outPath}/relative/`, '');
  }

  async layOut(unit: PlannedUnit, outDir: string): Promise<LaidOut> {
    this.know(unit);
    const { outPath } = unit.goal.sealed;
    const held = this.#heldOf(unit);
    const before = held?.entry ?? null;
    if (this.#artifactDir !== null) await exportArtifacts(this.#artifactDir, this.places, unit, outDir);
    if (before !== null && this.shows(unit)) {
      return new Laid(this.places, unit, before, { changed: false, renewed: false });
    }
    const renewed = held?.out !== outPath || (before !== null && this.#isBroken(unit, before));
    const { directory, timestamp } = fingerprintOf(this.places, unit);
    makeDirectories(directory);
    if (timestamp !== null) placeText(timestampText, timestamp);
    const placed = await (isRun(unit.unit)
      ? placeRun(this.places, unit, outDir)
      : placeCompilation(this.places, unit, outDir, this.outputs));
    const kept = new Set(placed.files.map(([file]) => file));
    for (const [file] of before?.files ?? []) if (!kept.has(file) && !file.endsWith('.d')) removeTree(file);
    const entry = { ...placed, out: outPath, basedir: this.#basedir };
    this.#keep(unit, entry);
    return new Laid(this.places, unit, entry, { changed: true, renewed });
  }

  shows(unit: PlannedUnit): boolean {
    const entry = this.#heldOf(unit)?.entry ?? null;
    return entry !== null && entry.out === unit.goal.sealed.outPath && isRight(entry);
  }

  locate(unit: PlannedUnit): LaidOut {
    this.know(unit);
    return { ...namesOf(this.places, unit, () => true), changed: false, renewed: false };
  }

  finish(plan: Plan): void {
    const context = {
      places: this.places,
      plan,
      outputs: this.outputs,
      basedir: this.#basedir,
      placed: (unit: PlannedUnit) => this.#heldOf(unit)?.entry?.files ?? [],
    };
    for (const unit of plan.units) {
      if (!unit.root || isRun(unit.unit)) continue;
      const entry = this.#heldOf(unit)?.entry ?? null;
      if (entry === null) continue;
      const wanted = rootDepInfoFiles(this.places, unit);
      const sameBase = entry.basedir === this.#basedir;
      const standing = sameBase && wanted.every(({ file }) => entry.files.some((placed) => placed[0] === file));
      if (standing && !localClosure(plan, unit).some(({ id }) => this.#changed.has(id))) continue;
      const own = entry.files.filter(([file]) => !wanted.some((other) => other.file === file));
      const files = [...own, ...writeRootDepInfo(context, unit)];
      this.#keep(unit, { ...entry, files, basedir: this.#basedir });
    }
  }

  placed(plan: Plan): readonly string[] {
    const entries = plan.units.flatMap((unit) => this.#heldOf(unit)?.entry ?? []);
    const inside = new Map<string, Placed[]>();
    for (const placed of entries.flatMap(({ files }) => files)) {
      const directory = path.dirname(placed[0]);
      const others = inside.get(directory);
      if (others === undefined) inside.set(directory, [placed]);
      else others.push(placed);
    }
    const trees = entries.flatMap(({ trees: sealed }) => sealed.map(([directory]) => directory));
    return [...trees, ...[...inside].flatMap(([directory, files]) => this.#watched(directory, files))];
  }

  close(): void {
    for (const lock of this.#locks) lock.release();
  }

  /**
   * What tells that the files of one directory are as they were placed. A link cannot be written through unnoticed (the
   * store looks at its own files), so its directory's word is enough; a copy can. The directory of final artifacts
   * changes with every build.
   */
  #watched(directory: string, files: readonly Placed[]): string[] {
    const names = files.map(([file]) => file);
    if (directory === this.#root || !fs.existsSync(directory)) return names;
    seal(directory);
    if (!files.every(stillThere)) return names;
    return [directory, ...files.filter(([, how]) => how === 'copy').map(([file]) => file)];
  }

  #heldOf(unit: PlannedUnit): Held | null {
    let held = this.#held.get(unit.id);
    if (held === undefined) {
      held = readEntry(fingerprintOf(this.places, unit).placed, this.#root);
      this.#held.set(unit.id, held);
    }
    return held;
  }

  #keep(unit: PlannedUnit, entry: UnitEntry): void {
    writeEntry(fingerprintOf(this.places, unit).placed, this.#root, entry);
    this.#held.set(unit.id, { out: entry.out, entry });
    this.#changed.add(unit.id);
  }

  #isBroken(unit: PlannedUnit, { files }: UnitEntry): boolean {
    const directory = unitDirectory(this.places, unit);
    return files.some(([file]) => path.dirname(file) === directory && !fs.existsSync(file));
  }
}

function isRight({ files, trees }: UnitEntry): boolean {
  return files.every(stillThere) && trees.every(stillSealed);
}

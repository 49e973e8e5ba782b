/** The goals of one build, planned again whenever a unit teaches something. */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { type BuildOutput, type BuildOutputContext, parseBuildOutput } from '../cargo/build-output.ts';
import { describePackage } from '../cargo/describe.ts';
import type { Workspace } from '../cargo/types.ts';
import type { BuilderExit, Goal, GoalKey, GoalSource, Verdict } from '../engine/types.ts';
import { grantable } from '../plan/environment.ts';
import type { Plan, PlannedUnit, UnitId } from '../plan/types.ts';
import type { UnitRecord } from '../sources/types.ts';
import {
  environmentDemanded,
  environmentMissed,
  environmentNamed,
  filesMissed,
  inputsMissed,
  looksLikeLinker,
  looksLikeMissingFile,
  merge,
  missingVariables,
  rerunInputs,
  type Shown,
  unsetVariables,
} from './lessons.ts';
import type { UserError } from '../sys/errors.ts';
import { linkInputs, linkInputsMissed } from './linked.ts';
import { outOfReach, saysNoRoom } from './out-of-reach.ts';
import type { Records } from './records.ts';

/** A unit is planned again at most this often in one build: each time must add something, this only bounds a mistake. */
const maxLessons = 6;

export class Session implements GoalSource {
  plan: Plan;
  /** Why build scripts failed that wanted something which no sandbox shows. */
  readonly outOfReach: UserError[] = [];
  /** Units that failed because a disk was full. */
  readonly withoutRoom: PlannedUnit[] = [];
  readonly #workspace: Workspace;
  readonly #records: Records;
  readonly #planAgain: () => Plan;
  #goals: ReadonlyMap<GoalKey, Goal>;
  readonly #lessons = new Map<UnitId, number>();
  /** Digests of build-script outputs that were made with the whole package as input, to hold a narrowed run against. */
  readonly #whole = new Map<UnitId, string>();
  /** Units that try to mend a failure: what was tried is remembered only if it did, so that no other build rests on it. */
  readonly #unproven = new Set<UnitId>();

  /** `planAgain`: the plan by what the records say now. */
  constructor(workspace: Workspace, records: Records, planAgain: () => Plan) {
    this.#workspace = workspace;
    this.#records = records;
    this.#planAgain = planAgain;
    this.plan = planAgain();
    this.#goals = goalsOf(this.plan);
  }

  goals(): ReadonlyMap<GoalKey, Goal> {
    return this.#goals;
  }

  /** Variables that units read, set or not. */
  variables(): ReadonlySet<string> {
    return new Set(this.plan.units.flatMap(({ id, variables }) => [...variables, ...this.#records.get(id).env]));
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the engine awaits: other sources may need time
  async inspect(goal: Goal, exit: BuilderExit): Promise<Verdict> {
    const unit = this.plan.byId.get(goal.key as UnitId);
    if (unit === undefined) return 'accept';
    if (!exit.ok && saysNoRoom(exit)) {
      this.withoutRoom.push(unit);
      return 'accept';
    }
    const shown = shownTo(unit, this.#workspace);
    const verdict =
      unit.unit.mode === 'run-custom-build' ? this.#run(unit, exit, shown) : this.#compilation(unit, exit, shown);
    if ('lesson' in verdict) {
      const learned = this.#learn(unit, exit.ok, verdict.lesson, verdict.otherwise);
      if (learned === 'accept' && !exit.ok) this.#tell(unit, exit, shown);
      return learned;
    }
    if (!exit.ok) this.#tell(unit, exit, shown);
    if (exit.ok && this.#unproven.delete(unit.id)) this.#records.put(unit.id, this.#records.get(unit.id));
    return verdict.reject === null ? 'accept' : { reject: verdict.reject };
  }

  #compilation(unit: PlannedUnit, exit: BuilderExit, shown: Shown): Inspection {
    if (exit.ok) {
      const names = environmentMissedBy(exit.outDir);
      const env = this.#missing(unit, names, shown);
      if (env.length > 0) return { lesson: { env }, otherwise: null };
      this.#note(unit, unsetVariables(names, shown));
      return accept;
    }
    const env = this.#missing(unit, environmentDemanded(exit.lines), shown);
    if (env.length > 0) return { lesson: { env }, otherwise: null };
    if (unit.shellHasMore && looksLikeLinker(exit.lines)) return { lesson: { shell: true }, otherwise: null };
    if (shown.files === null) return accept;
    const errors = exit.lines.filter((line) => line.includes('"level":"error"') || !line.startsWith('{'));
    const files = filesMissed(errors, unit, shown);
    if (files.length > 0) return { lesson: { files }, otherwise: null };
    const record = this.#records.get(unit.id);
    if (!record.wholePackage && looksLikeMissingFile(errors))
      return { lesson: { wholePackage: true }, otherwise: null };
    return accept;
  }

  #run(unit: PlannedUnit, exit: BuilderExit, shown: Shown): Inspection {
    const record = this.#records.get(unit.id);
    if (!exit.ok) {
      const env = this.#missing(unit, environmentNamed(exit.lines), shown);
      if (env.length > 0) return { lesson: { env }, otherwise: null };
      if (shown.files !== null) {
        if (record.rerun !== null) return { lesson: { rerun: null, wholePackage: true }, otherwise: null };
        const files = filesMissed(exit.lines, unit, shown);
        if (files.length > 0) return { lesson: { files }, otherwise: null };
      }
      return unit.shellHasMore ? { lesson: { shell: true }, otherwise: null } : accept;
    }
    const text = fs.readFileSync(path.join(exit.outDir, 'output'), 'utf8');
    const parsed = parseBuildOutput(text, outputContext(unit, this.#workspace));
    if (!parsed.ok) return { reject: parsed.message };
    if (parsed.output.messages.some((message) => message.level === 'error')) {
      return { reject: 'build script logged errors' };
    }
    return this.#runInputs(unit, exit, shown, parsed.output, record);
  }

  /** What the script says about its inputs, against what it was given. */
  #runInputs(unit: PlannedUnit, exit: BuilderExit, shown: Shown, output: BuildOutput, record: UnitRecord): Inspection {
    const env = this.#missing(unit, output.rerunIfEnvChanged, shown);
    const local = unit.package.source.kind === 'path';
    const linked = local ? linkInputs(output, unit, shown) : [];
    const changed = rerunInputs(output, unit, shown);
    const rerun = changed === null ? null : [...new Set([...changed, ...linked])].sort();
    const files = [...(changed === null ? [] : inputsMissed(changed, shown)), ...linkInputsMissed(linked, shown)];
    if (env.length > 0 || files.length > 0) return { lesson: { env, files }, otherwise: null };
    this.#note(unit, unsetVariables(output.rerunIfEnvChanged, shown));
    if (!local || record.wholePackage) return accept;
    if (record.rerun === null) {
      if (rerun === null) return accept;
      this.#whole.set(unit.id, digest(exit.outDir));
      return { lesson: { rerun }, otherwise: null };
    }
    const whole = this.#whole.get(unit.id);
    if (whole !== undefined && whole !== digest(exit.outDir)) {
      // It reads more than it says, or its output is not reproducible: only the whole package is safe.
      return { lesson: { rerun: null, wholePackage: true }, otherwise: null };
    }
    if (rerun === null || rerun.join('\n') !== record.rerun.join('\n')) return { lesson: { rerun }, otherwise: null };
    return accept;
  }

  /** A script that has failed for good: whether it wanted something that no sandbox shows. */
  #tell(unit: PlannedUnit, { lines }: BuilderExit, shown: Shown): void {
    const why = unit.unit.mode === 'run-custom-build' ? outOfReach(lines, unit, shown) : null;
    if (why !== null) this.outOfReach.push(why);
  }

  #missing(unit: PlannedUnit, names: readonly string[], shown: Shown): string[] {
    return missingVariables(names, shown, grantable(this.#workspace.environment, unit.package, unit.primary));
  }

  /** Remembers variables that the unit reads and nobody has set: nothing changes now, but does once they are set. */
  #note(unit: PlannedUnit, env: readonly string[]): void {
    const record = this.#records.get(unit.id);
    if (env.some((name) => !record.env.includes(name))) this.#records.put(unit.id, merge(record, { env }));
  }

  #learn(unit: PlannedUnit, ok: boolean, lesson: Partial<UnitRecord>, otherwise: string | null): Verdict {
    const count = (this.#lessons.get(unit.id) ?? 0) + 1;
    this.#lessons.set(unit.id, count);
    const before = this.#records.get(unit.id);
    const after = merge(before, lesson);
    const same = JSON.stringify(before) === JSON.stringify(after);
    if (same || count > maxLessons) return otherwise === null ? 'accept' : { reject: otherwise };
    if (!ok) this.#unproven.add(unit.id);
    if (this.#unproven.has(unit.id)) this.#records.tryOut(unit.id, after);
    else this.#records.put(unit.id, after);
    const drvBefore = unit.goal.sealed.drvPath;
    this.plan = this.#planAgain();
    this.#goals = goalsOf(this.plan);
    return this.plan.byId.get(unit.id)?.goal.sealed.drvPath === drvBefore ? 'accept' : 'replanned';
  }
}

type Inspection =
  | { readonly lesson: Partial<UnitRecord>; readonly otherwise: string | null }
  | { readonly reject: string | null };

const accept: Inspection = { reject: null };

function goalsOf(plan: Plan): ReadonlyMap<GoalKey, Goal> {
  return new Map(plan.units.map((unit) => [unit.id, unit.goal]));
}

function shownTo(unit: PlannedUnit, { targetDir, buildDir }: Workspace): Shown {
  const files = new Set<string>();
  let tree = false;
  for (const source of unit.goal.sources) {
    if (source.kind !== 'tree' || source.path !== unit.source.path) continue;
    tree = true;
    for (const name of source.files.keys()) files.add(name);
  }
  const written = [targetDir, buildDir];
  return { root: unit.source.root, files: tree ? files : null, environment: unit.environment, written };
}

function environmentMissedBy(outDir: string): string[] {
  const depInfos = fs.readdirSync(outDir).filter((name) => name.endsWith('.d'));
  return depInfos.flatMap((name) => environmentMissed(fs.readFileSync(path.join(outDir, name), 'utf8')));
}

/** What cargo's rules for a package's build-script output depend on. */
export function outputContext(unit: PlannedUnit, workspace: Workspace): BuildOutputContext {
  const library = unit.package.targets.find((target) =>
    target.kind.some((kind) => kind.includes('lib') || kind === 'proc-macro'),
  );
  return {
    description: describePackage(unit.package),
    targets: unit.package.targets,
    rustVersion: unit.package.rustVersion,
    nightly: /-(nightly|dev)/.test(workspace.toolchain.release) || workspace.environment['RUSTC_BOOTSTRAP'] === '1',
    libraryName: library === undefined ? null : library.name.replaceAll('-', '_'),
    callerBootstrap: workspace.environment['RUSTC_BOOTSTRAP'] ?? null,
  };
}

/** Names, modes and contents of a build-script run's output, without the output's own path. */
function digest(outDir: string): string {
  const hash = createHash('sha256');
  const self = /[0-9a-z]{32}(?=-)/g;
  // Names are bytes: whether they are a text is for the engine to say, afterwards.
  const below = (parent: Buffer, name: Buffer) => Buffer.concat([parent, Buffer.from('/'), name]);
  const visit = (relative: Buffer): void => {
    const absolute = below(Buffer.from(outDir), relative);
    const stat = fs.lstatSync(absolute);
    hash.update(relative).update(`\0${stat.isDirectory() ? 'd' : stat.mode & 0o111 ? 'x' : 'f'}\0`);
    if (stat.isDirectory()) {
      for (const name of fs.readdirSync(absolute, 'buffer').sort((one, other) => one.compare(other)))
        visit(below(relative, name));
    } else if (stat.isFile()) hash.update(fs.readFileSync(absolute, 'latin1').replaceAll(self, ''));
  };
  for (const name of ['output', 'out']) if (fs.existsSync(path.join(outDir, name))) visit(Buffer.from(name));
  return hash.digest('hex');
}

/** One build as it is seen: events in, cargo's lines out. */
import { pathToFileURL } from 'node:url';
import type { EngineEvent, GoalKey, Outcome } from '../engine/types.ts';
import { isRun, kindOf } from '../plan/target.ts';
import type { PlannedUnit, UnitId } from '../plan/types.ts';
import { mapperOf } from '../target/path-map.ts';
import type { LaidOut } from '../target/types.ts';
import { Announcements } from './announcements.ts';
import { Attempt } from './attempt.ts';
import { collisions, missingLinkables } from './cautions.ts';
import { type Command, parseRunning } from './command.ts';
import { type CompilerLine, readCompilerLine } from './diagnostic.ts';
import { Diagnostics } from './diagnostics.ts';
import { compilationChain, scriptChain } from './failure.ts';
import { elapsed, finishedText } from './finished.ts';
import { reportFutureIncompat } from './future-incompat.ts';
import { artifactMessage, finishedMessage } from './messages.ts';
import { describeUnit, progressName } from './names.ts';
import type { ReportOptions } from './options.ts';
import { Progress } from './progress.ts';
import { withoutMounts } from './refused.ts';
import { commandText, realCommand } from './real-command.ts';
import { withoutRepository } from './repository.ts';
import { ScriptRuns, stdoutLine } from './script-runs.ts';
import { Shell } from './shell.ts';
import type { Terminal } from './terminal.ts';
import { Timings } from './timings.ts';
import type { Lookup, Report } from './types.ts';

const profilesPage = 'https://doc.rust-lang.org/cargo/reference/profiles.html#default-profiles';
const runningPrefix = '@drydock running ';

/** Opens the report of one build. `terminal`: usually `processTerminal()`. */
export function openReport(options: ReportOptions, lookup: Lookup, terminal: Terminal): Report {
  return new BuildReport(options, lookup, terminal);
}

class BuildReport implements Report {
  readonly #options: ReportOptions;
  readonly #lookup: Lookup;
  readonly #shell: Shell;
  readonly #progress: Progress;
  readonly #announcements: Announcements;
  readonly #diagnostics: Diagnostics;
  readonly #scripts: ScriptRuns;
  readonly #timings: Timings | null;
  readonly #heartbeat: NodeJS.Timeout | null;
  readonly #active = new Map<GoalKey, Attempt>();
  readonly #done = new Set<GoalKey>();
  #drawing = false;
  #failures = 0;
  readonly #refused = new Set<'mounts' | 'views'>();
  readonly #notShown = new Set<string>();

  constructor(options: ReportOptions, lookup: Lookup, terminal: Terminal) {
    this.#options = options;
    this.#lookup = lookup;
    this.#shell = new Shell(options, terminal);
    this.#progress = new Progress(this.#shell, options);
    this.#announcements = new Announcements(this.#shell, lookup);
    this.#diagnostics = new Diagnostics(this.#shell, options.format);
    this.#scripts = new ScriptRuns(this.#shell, lookup, options.format);
    this.#timings = options.timings === null ? null : new Timings();
    this.#heartbeat = this.#progress.enabled ? setInterval(() => this.tick(), 500).unref() : null;
  }

  begin(stale: ReadonlySet<UnitId>): void {
    const plan = this.#lookup.plan();
    for (const { title, notes } of [...collisions(plan, this.#lookup.places), ...missingLinkables(plan, stale)]) {
      this.#shell.warn(title, notes);
    }
  }

  on(event: EngineEvent): void {
    const unit = this.#lookup.unit(event.key);
    if (unit === undefined) return;
    this.#timings?.on(event);
    switch (event.type) {
      case 'started':
        this.#begin(unit);
        break;
      case 'line':
        this.#line(unit, event.line);
        break;
      case 'state-dropped': {
        const name = describeUnit(unit.package.name, unit.unit.target, unit.unit.mode);
        this.#shell.warn(`incremental state of ${name} was left by a build that did not end; it is dropped`);
        break;
      }
      case 'mounts-refused':
        this.#mountsRefused(event.what, event.reason);
        break;
      case 'waiting-for-lock':
        this.#shell.status('Blocking', `waiting for another build of \`${unit.package.name}\``, 'note');
        break;
      case 'ended':
        this.#end(unit, event.outcome);
        break;
      case 'early':
        break;
    }
    this.#drawSoon();
  }

  /** Said once: what keeps one unit from its mount keeps the others from theirs. */
  #mountsRefused(what: 'mounts' | 'views', reason: string | null): void {
    if (this.#refused.has(what)) return;
    this.#refused.add(what);
    this.#shell.warn(`the Nix daemon builds without ${withoutMounts(what, reason)}`);
  }

  fresh(unit: PlannedUnit, lines: readonly string[], renewed = false): void {
    if (this.#done.has(unit.id)) return;
    if (renewed) this.#announcements.started(unit);
    else this.#announcements.fresh(unit);
    const attempt = new Attempt(null);
    const map = mapperOf(unit, this.#lookup.outputs);
    const visible = this.#showsWarnings(unit);
    for (const line of lines) {
      if (isRun(unit.unit)) this.#scripts.collect(attempt, line, map);
      else if (!line.startsWith('@drydock ')) {
        this.#diagnostics.show(unit, attempt, readCompilerLine(line, map), visible);
      }
    }
    if (isRun(unit.unit)) this.#scripts.ended(unit, attempt, visible);
    this.#summary(unit, attempt);
    this.#active.delete(unit.id);
    this.#done.add(unit.id);
    this.#drawSoon();
  }

  wantsLog(unit: PlannedUnit): boolean {
    return this.#showsWarnings(unit) || (isRun(unit.unit) && this.#options.format.kind === 'json');
  }

  artifact(unit: PlannedUnit, laidOut: LaidOut, fresh: boolean): void {
    if (this.#options.format.kind !== 'json' || isRun(unit.unit)) return;
    this.#shell.out(`${artifactMessage(unit, laidOut, fresh)}\n`);
  }

  finish(success: boolean): void {
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
    this.#drawing = false;
    this.#progress.clear();
    this.#saveTimings();
    if (this.#options.format.kind === 'json') this.#shell.out(`${finishedMessage(success)}\n`);
    if (!success) return;
    const { profile, buildDir } = this.#lookup;
    const text = finishedText(profile, this.#lookup.plan(), (part) => this.#shell.link(profilesPage, part));
    this.#shell.status('Finished', `${text} in ${elapsed(process.hrtime.bigint() - this.#options.startedAt)}`);
    const { futureIncompatReport: asked, futureIncompatNote: note } = this.#options;
    reportFutureIncompat(this.#diagnostics.future, buildDir, this.#shell, { asked, note });
  }

  #saveTimings(): void {
    const { timings } = this.#options;
    if (timings === null || this.#timings === null) return;
    const plan = this.#lookup.plan();
    const roots = plan.units.filter(({ goal }) => goal.root === true).map(({ package: pkg }) => pkg.name);
    const file = this.#timings.write(timings, plan.units, [...new Set(roots)].join(', ') || this.#lookup.profile);
    const link = this.#shell.link(pathToFileURL(file).href, file);
    this.#shell.status('Timing', `report saved to ${link}`, 'note');
  }

  blocking(what: string, file: string): void {
    const place = this.#shell.verbosity > 1 ? ` (${file})` : '';
    this.#shell.status('Blocking', `waiting for file lock on ${what}${place}`, 'note');
  }

  tick(): void {
    this.#drawing = false;
    const names = [...this.#active.keys()].flatMap((key) => {
      const unit = this.#lookup.unit(key);
      return unit === undefined ? [] : [progressName(unit)];
    });
    this.#progress.draw(this.#done.size, this.#lookup.plan().units.length, `: ${names.join(', ')}`);
  }

  /** Once for all events that came together. */
  #drawSoon(): void {
    if (this.#drawing || !this.#progress.enabled) return;
    this.#drawing = true;
    setImmediate(() => {
      if (this.#drawing) this.tick();
    });
  }

  #begin(unit: PlannedUnit): Attempt {
    const before = this.#active.get(unit.id) ?? null;
    const attempt = new Attempt(before);
    this.#active.set(unit.id, attempt);
    if (before === null) this.#announcements.started(unit);
    return attempt;
  }

  #line(unit: PlannedUnit, line: string): void {
    const attempt = this.#active.get(unit.id) ?? this.#begin(unit);
    const map = mapperOf(unit, this.#lookup.outputs);
    const out = stdoutLine(line);
    if (line.startsWith(runningPrefix)) {
      const command = parseRunning(line.slice(runningPrefix.length));
      if (command !== null) this.#running(unit, attempt, command);
    } else if (isRun(unit.unit)) this.#scripts.line(unit, attempt, line, map);
    else if (out !== null) this.#shell.out(`${map(out)}\n`);
    else if (!line.startsWith('@drydock ')) this.#compilerLine(unit, attempt, readCompilerLine(line, map));
  }

  /** A second `running` line within one attempt means that the builder was started again. */
  #running(unit: PlannedUnit, attempt: Attempt, command: Command): void {
    const current = attempt.command === null ? attempt : this.#begin(unit);
    current.command = realCommand(unit, command, this.#lookup);
    const { verbosity } = this.#shell;
    if (verbosity > 0 && !unit.overridden && current.isNews('running')) {
      this.#shell.status('Running', commandText(unit, current.command, this.#lookup, verbosity));
    }
  }

  #compilerLine(unit: PlannedUnit, attempt: Attempt, line: CompilerLine): void {
    if (attempt.held !== null) attempt.held.push(line);
    else if (line.kind === 'diagnostic' && line.diagnostic.level.startsWith('error')) attempt.held = [line];
    else this.#diagnostics.show(unit, attempt, line, true);
  }

  #end(unit: PlannedUnit, outcome: Outcome): void {
    // What fails before its builder starts has no attempt yet.
    const attempt = this.#active.get(unit.id) ?? (outcome.status === 'failed' ? new Attempt(null) : undefined);
    if (attempt === undefined || outcome.status === 'valid') return;
    for (const line of attempt.held ?? []) this.#diagnostics.show(unit, attempt, line, true);
    attempt.held = null;
    if (outcome.status === 'built') {
      if (isRun(unit.unit)) this.#scripts.ended(unit, attempt, this.#showsWarnings(unit));
      this.#sayWhatWasNotShown(unit);
    }
    if (outcome.status === 'built' || outcome.status === 'failed') {
      this.#summary(unit, attempt);
      this.#done.add(unit.id);
    }
    this.#active.delete(unit.id);
    if (outcome.status === 'failed') this.#fail(unit, attempt, outcome);
  }

  /** Of a package once, however many of its units it holds for. */
  #sayWhatWasNotShown(unit: PlannedUnit): void {
    const caution = withoutRepository(unit, this.#lookup);
    if (caution === null || this.#notShown.has(caution.title)) return;
    this.#notShown.add(caution.title);
    this.#shell.warn(caution.title, caution.notes);
  }

  #fail(unit: PlannedUnit, attempt: Attempt, { reason }: Outcome & { readonly status: 'failed' }): void {
    const { verbosity } = this.#shell;
    const command = attempt.command === null ? null : commandText(unit, attempt.command, this.#lookup, verbosity);
    this.#scripts.beforeFailure(unit, attempt, reason.kind === 'inspection');
    if (reason.kind === 'input') this.#shell.errorChain([reason.message], `error[${reason.code}]`);
    else if (reason.kind === 'inspection') this.#shell.errorChain([reason.message]);
    else if (isRun(unit.unit)) {
      const { stdout, stderr } = attempt;
      const backtraceHint = this.#wantsBacktraceHint(unit);
      this.#shell.errorChain(scriptChain(unit, { command, reason, stdout, stderr, backtraceHint }));
    } else {
      this.#sayWhatWasNotShown(unit);
      const { errors, warnings } = attempt;
      this.#shell.errorChain(compilationChain(unit, { errors, warnings, command, reason }, verbosity > 0));
    }
    this.#failures += 1;
    if (this.#failures > 1 || this.#active.size === 0) return;
    this.#progress.fail();
    this.#shell.warn('build failed, waiting for other jobs to finish...');
  }

  #wantsBacktraceHint(run: PlannedUnit): boolean {
    const wanted = this.#shell.terminal.environment['RUST_BACKTRACE'];
    if (wanted === undefined || wanted === '0') return false;
    const script = run.dependencies
      .map((id) => this.#lookup.unit(id))
      .find((unit) => unit !== undefined && kindOf(unit.unit.target) === 'custom-build' && !isRun(unit.unit));
    return script !== undefined && !script.unit.profile.debuginfo;
  }

  #summary(unit: PlannedUnit, attempt: Attempt): void {
    const summary = attempt.counts.summary(unit, this.#lookup.clippy ?? false);
    if (summary !== null) this.#shell.warn(summary);
  }

  #showsWarnings(unit: PlannedUnit): boolean {
    return unit.package.source.kind === 'path' || this.#shell.verbosity > 1;
  }
}

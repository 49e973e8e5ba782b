/** One build as it is seen: events in, cargo's lines out. */
import { describePackage } from '../cargo/describe.ts';
import type { EngineEvent, GoalKey, Outcome } from '../engine/types.ts';
import { isRun, kindOf } from '../plan/target.ts';
import type { PlannedUnit, UnitId } from '../plan/types.ts';
import { mapPaths, type PathMapper } from '../target/path-map.ts';
import { incrementalDirectory, outDirOf, unitDirectory } from '../target/places.ts';
import type { LaidOut } from '../target/types.ts';
import { Attempt } from './attempt.ts';
import { type Command, parseRunning, showCommand } from './command.ts';
import { type CompilerLine, isFixable, readCompilerLine } from './diagnostic.ts';
import { compilationChain, scriptChain } from './failure.ts';
import { elapsed, finishedText } from './finished.ts';
import { type FutureIncompat, reportFutureIncompat } from './future-incompat.ts';
import { artifactMessage, compilerMessage, finishedMessage, scriptMessage } from './messages.ts';
import { describeUnit, progressName } from './names.ts';
import type { ReportOptions } from './options.ts';
import { Progress } from './progress.ts';
import { messagesOfFailure, readScriptOutput, type ScriptMessage, showMessages } from './script-output.ts';
import { Shell } from './shell.ts';
import { shortForm } from './short.ts';
import { dirtyText } from './stale.ts';
import type { Terminal } from './terminal.ts';
import type { Lookup, Report } from './types.ts';

const profilesPage = 'https://doc.rust-lang.org/cargo/reference/profiles.html#default-profiles';
const runningPrefix = '@drydock running ';
const stdoutPrefix = '@drydock stdout';

/** Opens the report of one build. `terminal`: usually `processTerminal()`. */
export function openReport(options: ReportOptions, lookup: Lookup, terminal: Terminal): Report {
  return new BuildReport(options, lookup, terminal);
}

class BuildReport implements Report {
  readonly #options: ReportOptions;
  readonly #lookup: Lookup;
  readonly #shell: Shell;
  readonly #progress: Progress;
  readonly #heartbeat: NodeJS.Timeout | null;
  #drawing = false;
  readonly #active = new Map<GoalKey, Attempt>();
  readonly #done = new Set<GoalKey>();
  /** Units of each package that have not come up yet: `Fresh` is told when none is left. */
  readonly #waiting = new Map<string, Set<UnitId>>();
  readonly #named = new Set<string>();
  readonly #seen = new Set<string>();
  readonly #messages = new Map<UnitId, readonly ScriptMessage[]>();
  readonly #future: FutureIncompat[] = [];
  #failures = 0;

  constructor(options: ReportOptions, lookup: Lookup, terminal: Terminal) {
    this.#options = options;
    this.#lookup = lookup;
    this.#shell = new Shell(options, terminal);
    this.#progress = new Progress(this.#shell, options);
    for (const unit of lookup.plan().units) {
      const units = this.#waiting.get(unit.package.id);
      if (units === undefined) this.#waiting.set(unit.package.id, new Set([unit.id]));
      else units.add(unit.id);
    }
    this.#heartbeat = this.#progress.enabled ? setInterval(() => this.tick(), 500).unref() : null;
  }

  on(event: EngineEvent): void {
    const unit = this.#lookup.unit(event.key);
    if (unit === undefined) return;
    switch (event.type) {
      case 'started':
        this.#begin(unit);
        break;
      case 'line':
        this.#line(unit, event.line);
        break;
      case 'state-dropped':
        this.#shell.warn(
          `incremental state of ${describeUnit(unit.package.name, unit.unit.target, unit.unit.mode)} was left by a ` +
            'build that did not end; it is dropped',
        );
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

  fresh(unit: PlannedUnit, lines: readonly string[]): void {
    if (this.#done.has(unit.id)) return;
    this.#arrive(unit);
    if (this.#waiting.get(unit.package.id)?.size === 0 && !this.#named.has(unit.package.id)) {
      this.#named.add(unit.package.id);
      if (this.#shell.verbosity > 0) this.#shell.status('Fresh', describePackage(unit.package));
    }
    const attempt = new Attempt(null);
    const map = this.#mapper(unit);
    for (const line of lines) {
      if (isRun(unit.unit)) this.#collect(attempt, line, map);
      else if (!line.startsWith('@drydock ')) {
        this.#show(unit, attempt, readCompilerLine(line, map), this.#showsWarnings(unit));
      }
    }
    if (isRun(unit.unit)) this.#runEnded(unit, attempt);
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
    this.#progress.clear();
    if (this.#options.format.kind === 'json') this.#shell.out(`${finishedMessage(success)}\n`);
    if (!success) return;
    const { lookup, shell } = { lookup: this.#lookup, shell: this.#shell };
    const text = finishedText(lookup.profile, lookup.plan(), (part) => shell.link(profilesPage, part));
    shell.status('Finished', `${text} in ${elapsed(process.hrtime.bigint() - this.#options.startedAt)}`);
    const { futureIncompatReport: asked, futureIncompatNote: note } = this.#options;
    reportFutureIncompat(this.#future, lookup.buildDir, shell, { asked, note });
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

  #arrive(unit: PlannedUnit): void {
    this.#waiting.get(unit.package.id)?.delete(unit.id);
  }

  #begin(unit: PlannedUnit): void {
    this.#arrive(unit);
    const before = this.#active.get(unit.id) ?? null;
    this.#active.set(unit.id, new Attempt(before));
    const { mode } = unit.unit;
    const name = mode === 'doc' ? `doc ${unit.package.id}` : unit.package.id;
    if (before !== null || this.#named.has(name)) return;
    this.#named.add(name);
    const description = describePackage(unit.package);
    if (this.#shell.verbosity > 0) {
      const stale = this.#lookup.stale?.(unit) ?? null;
      const reason = stale === null ? null : dirtyText(stale);
      if (reason !== null) this.#shell.status('Dirty', `${description}: ${reason}`);
    }
    const verb = mode === 'doc' ? 'Documenting' : mode === 'check' ? 'Checking' : 'Compiling';
    this.#shell.status(verb, description);
  }

  #line(unit: PlannedUnit, line: string): void {
    let attempt = this.#active.get(unit.id);
    if (attempt === undefined) {
      this.#begin(unit);
      attempt = this.#active.get(unit.id);
      if (attempt === undefined) return;
    }
    if (line.startsWith(runningPrefix)) {
      const command = parseRunning(line.slice(runningPrefix.length));
      if (command !== null) this.#running(unit, attempt, command);
      return;
    }
    const map = this.#mapper(unit);
    if (isRun(unit.unit)) {
      this.#scriptLine(unit, attempt, line, map);
    } else if (line.startsWith(stdoutPrefix)) {
      this.#shell.out(`${map(line.slice(stdoutPrefix.length + 1))}\n`);
    } else if (!line.startsWith('@drydock ')) {
      this.#compilerLine(unit, attempt, readCompilerLine(line, map));
    }
  }

  /** A second `running` line within one attempt means that the builder was started again. */
  #running(unit: PlannedUnit, attempt: Attempt, command: Command): void {
    const current = attempt.command === null ? attempt : new Attempt(attempt);
    if (current !== attempt) this.#active.set(unit.id, current);
    current.command = this.#realCommand(unit, command);
    if (this.#shell.verbosity > 0 && current.isNews('running')) {
      this.#shell.status('Running', this.#commandText(unit, current.command));
    }
  }

  #commandText(unit: PlannedUnit, command: Command): string {
    const environment = this.#shell.verbosity > 1 ? unit.environment : null;
    return showCommand(command, environment === null ? null : this.#realEnvironment(unit, environment));
  }

  #scriptLine(unit: PlannedUnit, attempt: Attempt, line: string, map: PathMapper): void {
    const stream = this.#collect(attempt, line, map);
    if (stream === null || this.#shell.verbosity < 2 || !attempt.isNews(line)) return;
    const text = `[${unit.package.name} ${unit.package.version}] ${attempt[stream].at(-1) ?? ''}\n`;
    if (stream === 'stdout') this.#shell.out(text);
    else this.#shell.err(text);
  }

  #collect(attempt: Attempt, line: string, map: PathMapper): 'stdout' | 'stderr' | null {
    if (line.startsWith(stdoutPrefix)) {
      attempt.stdout.push(map(line.slice(stdoutPrefix.length + 1)));
      return 'stdout';
    }
    if (line.startsWith('@drydock ')) return null;
    attempt.stderr.push(map(line));
    return 'stderr';
  }

  #compilerLine(unit: PlannedUnit, attempt: Attempt, line: CompilerLine): void {
    if (attempt.held !== null) attempt.held.push(line);
    else if (line.kind === 'diagnostic' && line.diagnostic.level.startsWith('error')) attempt.held = [line];
    else this.#show(unit, attempt, line, true);
  }

  #show(unit: PlannedUnit, attempt: Attempt, line: CompilerLine, diagnostics: boolean): void {
    const { format } = this.#options;
    switch (line.kind) {
      case 'text':
        this.#shell.err(`${line.text}\n`);
        return;
      case 'future-incompat':
        this.#future.push({ unit, items: line.items });
        for (const { level } of line.items) count(attempt, level);
        return;
      case 'diagnostic': {
        if (!diagnostics) return;
        const { level } = line.diagnostic;
        count(attempt, level);
        if (format.kind === 'json' && !format.render) {
          this.#shell.out(`${compilerMessage(unit, line.diagnostic, line.raw, format)}\n`);
          return;
        }
        const short = format.kind === 'short' || (format.kind === 'json' && format.short);
        const text = short ? shortForm(line.diagnostic) : (line.diagnostic.rendered ?? '');
        const shown = this.#print(attempt, text);
        if (level === 'warning') attempt.counts.warning(shown, isFixable(line.diagnostic));
        if (level === 'error') attempt.counts.error();
        return;
      }
      case 'summary':
      case 'notification':
        return;
    }
  }

  /** Prints a diagnostic unless another unit has printed the same text. */
  #print(attempt: Attempt, text: string): boolean {
    if (text === '') return true;
    attempt.displayed.add(text);
    if (attempt.shown.has(text)) return true;
    if (this.#seen.has(text)) return false;
    this.#seen.add(text);
    this.#shell.err(text.endsWith('\n') ? text : `${text}\n`);
    return true;
  }

  #end(unit: PlannedUnit, outcome: Outcome): void {
    const attempt = this.#active.get(unit.id);
    if (attempt === undefined || outcome.status === 'valid') return;
    for (const line of attempt.held ?? []) this.#show(unit, attempt, line, true);
    attempt.held = null;
    if (outcome.status === 'built' && isRun(unit.unit)) this.#runEnded(unit, attempt);
    if (outcome.status === 'built' || outcome.status === 'failed') {
      this.#summary(unit, attempt);
      this.#done.add(unit.id);
    }
    this.#active.delete(unit.id);
    if (outcome.status === 'failed') this.#fail(unit, attempt, outcome);
  }

  #runEnded(unit: PlannedUnit, attempt: Attempt): void {
    const output = readScriptOutput(unit, attempt.stdout);
    if (output === null) return;
    this.#messages.set(unit.id, output.messages);
    if (this.#options.format.kind === 'json') {
      this.#shell.out(`${scriptMessage(unit, output, outDirOf(this.#lookup.places, unit))}\n`);
    }
    if (this.#showsWarnings(unit) || output.messages.some(({ level }) => level === 'error')) {
      showMessages(this.#shell, unit, output.messages);
    }
  }

  #fail(unit: PlannedUnit, attempt: Attempt, { reason }: Outcome & { readonly status: 'failed' }): void {
    const command = attempt.command === null ? null : this.#commandText(unit, attempt.command);
    this.#scriptMessages(unit, attempt, reason.kind);
    if (reason.kind === 'input') this.#shell.errorChain([reason.message], `error[${reason.code}]`);
    else if (reason.kind === 'inspection') this.#shell.errorChain([reason.message]);
    else if (isRun(unit.unit)) {
      const { stdout, stderr } = { stdout: lines(attempt.stdout), stderr: lines(attempt.stderr) };
      const backtraceHint = this.#wantsBacktraceHint(unit);
      this.#shell.errorChain(scriptChain(unit, { command, reason, stdout, stderr, backtraceHint }));
    } else {
      const { errors, warnings } = attempt;
      const verbose = this.#shell.verbosity > 0;
      this.#shell.errorChain(compilationChain(unit, { errors, warnings, command, reason }, verbose));
    }
    this.#failures += 1;
    if (this.#failures > 1 || this.#active.size === 0) return;
    this.#progress.fail();
    this.#shell.warn('build failed, waiting for other jobs to finish...');
  }

  /** What the package's own build script had to say may explain the failure. */
  #scriptMessages(unit: PlannedUnit, attempt: Attempt, reason: string): void {
    if (isRun(unit.unit)) {
      const messages = messagesOfFailure(attempt.stdout);
      if (reason !== 'inspection' || messages.some(({ level }) => level === 'error')) {
        showMessages(this.#shell, unit, messages);
      }
      return;
    }
    for (const id of unit.dependencies) {
      const run = this.#lookup.unit(id);
      if (run === undefined || !isRun(run.unit) || run.package.id !== unit.package.id) continue;
      showMessages(this.#shell, run, this.#messages.get(id) ?? []);
    }
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

  #mapper(unit: PlannedUnit): PathMapper {
    const { outputs } = this.#lookup;
    return (text) => mapPaths(text, unit.pathMap, outputs);
  }

  /** The command with the places that users know, so that it can be read (and mostly run) outside of the sandbox. */
  #realCommand(unit: PlannedUnit, command: Command): Command {
    const { places, outputs } = this.#lookup;
    const directory = unitDirectory(places, unit);
    const pathMap = [
      ...unit.pathMap,
      ['/build/out', isRun(unit.unit) ? outDirOf(places, unit) : directory],
      ['/build/deps', `${places.intermediates(unit.unit.platform)}/deps`],
      ['/incremental', incrementalDirectory(places, unit)],
    ] as const;
    const map = (text: string) => mapPaths(text, pathMap, outputs);
    const program = map(command.program);
    return {
      program: isRun(unit.unit) ? program.replace(/[^/]+$/, scriptName(unit)) : program,
      args: command.args.map(map),
      environment: command.environment.map(([name, value]) => [name, map(value)]),
    };
  }

  #realEnvironment(unit: PlannedUnit, environment: Readonly<Record<string, string>>): Record<string, string> {
    const map = this.#mapper(unit);
    return Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, map(value)]));
  }
}

/** The plain name under which a build script's executable lies in its directory. */
function scriptName(run: PlannedUnit): string {
  return run.unit.target.name;
}

function count(attempt: Attempt, level: string): void {
  if (level === 'warning') attempt.warnings += 1;
  if (level === 'error') attempt.errors += 1;
}

function lines(list: readonly string[]): string {
  return list.map((line) => `${line}\n`).join('');
}

/** Build scripts while they run, and what is told of them afterwards. */
import { isRun } from '../plan/target.ts';
import type { PlannedUnit, UnitId } from '../plan/types.ts';
import type { PathMapper } from '../target/path-map.ts';
import { outDirOf } from '../target/places.ts';
import type { Attempt } from './attempt.ts';
import { scriptMessage } from './messages.ts';
import type { MessageFormat } from './options.ts';
import { outOfSight } from './out-of-sight.ts';
import { messagesOfFailure, readScriptOutput, type ScriptMessage, showMessages } from './script-output.ts';
import type { Shell } from './shell.ts';
import type { Lookup } from './types.ts';

const stdoutPrefix = '@drydock stdout';
const wrotePrefix = '@drydock wrote ';

/** A line of a program's stdout as the builder logs it; null: another line. */
export function stdoutLine(line: string): string | null {
  return line.startsWith(stdoutPrefix) ? line.slice(stdoutPrefix.length + 1) : null;
}

/** How many files a warning names. */
const named = 3;

function namedFirst(files: readonly string[]): string {
  const more = files.length > named ? `, and ${files.length - named} more` : '';
  return `${files.slice(0, named).join(', ')}${more}`;
}

export class ScriptRuns {
  readonly #shell: Shell;
  readonly #lookup: Lookup;
  readonly #format: MessageFormat;
  readonly #messages = new Map<UnitId, readonly ScriptMessage[]>();

  constructor(shell: Shell, lookup: Lookup, format: MessageFormat) {
    this.#shell = shell;
    this.#lookup = lookup;
    this.#format = format;
  }

  /** A line of a script that runs now; with `-vv` it is shown as it comes. */
  line(unit: PlannedUnit, attempt: Attempt, line: string, map: PathMapper): void {
    const stream = this.collect(attempt, line, map);
    if (stream === null || this.#shell.verbosity < 2) return;
    const text = `[${unit.package.name} ${unit.package.version}] ${attempt[stream].at(-1) ?? ''}\n`;
    if (!attempt.isNews(text)) return;
    if (stream === 'stdout') this.#shell.out(text);
    else this.#shell.err(text);
  }

  /** Keeps a line of the script's output; null: the builder's own. */
  collect(attempt: Attempt, line: string, map: PathMapper): 'stdout' | 'stderr' | null {
    const out = stdoutLine(line);
    if (line.startsWith(wrotePrefix)) attempt.wrote.push(line.slice(wrotePrefix.length));
    if (out === null && line.startsWith('@drydock ')) return null;
    const stream = out === null ? 'stderr' : 'stdout';
    attempt[stream].push(map(out ?? line));
    return stream;
  }

  /** After a run that was accepted. */
  ended(unit: PlannedUnit, attempt: Attempt, showsWarnings: boolean): void {
    const output = readScriptOutput(unit, attempt.stdout);
    if (output === null) return;
    this.#messages.set(unit.id, output.messages);
    if (this.#format.kind === 'json') {
      this.#shell.out(`${scriptMessage(unit, output, outDirOf(this.#lookup.places, unit))}\n`);
    }
    if (showsWarnings || output.messages.some(({ level }) => level === 'error')) {
      showMessages(this.#shell, unit, output.messages);
    }
    const { name, version } = unit.package;
    const known = [unit.package.root, unit.source.root, this.#lookup.buildDir];
    for (const directory of outOfSight(output.searchPaths, known)) {
      this.#shell.warn(
        `the build script of \`${name} ${version}\` has linkers search ${directory}, which sandboxes do not show`,
        ['help: what is linked from there has to lie in the package, in OUT_DIR, or with the system below /usr'],
      );
    }
    if (showsWarnings && attempt.wrote.length > 0) {
      this.#shell.warn(
        `the build script of \`${name} ${version}\` wrote among its sources, and nothing of that is kept`,
        [
          `note: ${namedFirst(attempt.wrote.toSorted())}`,
          'help: what is compiled has to be written to OUT_DIR, and included from there; what is for people, by a program of its own',
        ],
      );
    }
  }

  /** Before the error of a failed unit: what its package's build script had to say may explain it. */
  beforeFailure(unit: PlannedUnit, attempt: Attempt, rejected: boolean): void {
    if (isRun(unit.unit)) {
      const messages = messagesOfFailure(attempt.stdout);
      if (!rejected || messages.some(({ level }) => level === 'error')) showMessages(this.#shell, unit, messages);
      return;
    }
    for (const id of unit.dependencies) {
      const run = this.#lookup.unit(id);
      if (run === undefined || !isRun(run.unit) || run.package.id !== unit.package.id) continue;
      showMessages(this.#shell, run, this.#messages.get(id) ?? []);
    }
  }
}

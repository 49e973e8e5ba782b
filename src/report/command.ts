/** Command lines as cargo prints them, from the builder's `@drydock running` line. */

export interface Command {
  /** What was added at run time, in the builder's order. */
  readonly environment: readonly (readonly [name: string, value: string])[];
  readonly program: string;
  readonly args: readonly string[];
}

/** Reads a word list: words between single quotes (with `'\''` for a quote), or bare words. */
export function parseWordList(text: string): string[] {
  const words: string[] = [];
  const pattern = /(?:'[^']*'|\\.|[^\s'\\])+/gs;
  for (const [word] of text.matchAll(pattern)) {
    words.push(word.replace(/'([^']*)'|\\(.)/gs, (_, quoted?: string, single?: string) => quoted ?? single ?? ''));
  }
  return words;
}

/** The words of a `running` line: `NAME=value`s, `--`, program, arguments; null: it is not one. */
export function parseRunning(list: string): Command | null {
  const words = parseWordList(list);
  const at = words.indexOf('--');
  const program = words[at + 1];
  if (at < 0 || program === undefined) return null;
  const environment = words.slice(0, at).map((word): [string, string] => {
    const equals = word.indexOf('=');
    return equals < 0 ? [word, ''] : [word.slice(0, equals), word.slice(equals + 1)];
  });
  return { environment, program, args: words.slice(at + 2) };
}

/** Between backticks; with the environment, sorted by name, if `environment` is given. */
export function showCommand(command: Command, environment: Readonly<Record<string, string>> | null): string {
  const all = environment === null ? {} : { ...environment, ...Object.fromEntries(command.environment) };
  const assignments = Object.keys(all)
    .sort()
    .map((name) => `${name}=${escape(all[name] ?? '')} `);
  return `\`${assignments.join('')}${command.program}${command.args.map((arg) => ` ${escape(arg)}`).join('')}\``;
}

/** A word for a shell, quoted only where it must be. */
export function escape(word: string): string {
  if (/^[\w=/,.+-]+$/.test(word)) return word;
  return `'${word.replace(/['!]/g, (char) => `'\\${char}'`)}'`;
}

/** Reads cargo's arguments the way its parser does: clusters of short flags, `=`, attached values, `--`. */

/** Short options and their long names; options without a long name stand for themselves. */
const shortNames: Readonly<Record<string, string>> = {
  v: '--verbose',
  q: '--quiet',
  r: '--release',
  h: '--help',
  V: '--version',
  n: '--dry-run',
  j: '--jobs',
  p: '--package',
  F: '--features',
  C: '-C',
  Z: '-Z',
};

/** Options that take a value. All others are flags, so that an unknown one never swallows its neighbour. */
const withValue: ReadonlySet<string> = new Set([
  '-C',
  '-Z',
  '--artifact-dir',
  '--bench',
  '--bin',
  '--color',
  '--config',
  '--example',
  '--exclude',
  '--explain',
  '--features',
  '--jobs',
  '--lockfile-path',
  '--manifest-path',
  '--message-format',
  '--out-dir',
  '--package',
  '--profile',
  '--target',
  '--target-dir',
  '--test',
]);

/** Verbs whose first positional argument starts the arguments of another program. */
const trailing: ReadonlySet<string> = new Set(['run', 'rustc', 'rustdoc']);

export interface Arguments {
  /** Values of an option in the order given; an option without its value has none. */
  values(name: string): readonly string[];
  /** The last value of an option, null without any. */
  last(name: string): string | null;
  /** How often a flag or option was given. */
  count(name: string): number;
  /** Index of the first argument that is neither an option nor the value of one. */
  readonly firstPositional: number | null;
  /** Index of `--`. */
  readonly terminator: number | null;
}

/**
 * Reads `argv`. `verb`: what it follows; null for the arguments before the verb, which end at the first positional one.
 */
export function readArguments(argv: readonly string[], verb: string | null): Arguments {
  const given = new Map<string, string[]>();
  const counts = new Map<string, number>();
  let firstPositional: number | null = null;
  let terminator: number | null = null;

  const see = (name: string, value: string | null) => {
    counts.set(name, (counts.get(name) ?? 0) + 1);
    if (value === null) return;
    const values = given.get(name);
    if (values) values.push(value);
    else given.set(name, [value]);
  };
  /** The value in the next argument, unless that one is an option itself. */
  const next = (i: number): string | null => {
    const argument = argv[i + 1];
    return argument === undefined || (argument.startsWith('-') && argument !== '-') ? null : argument;
  };

  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] ?? '';
    if (argument === '--') {
      terminator = i;
      break;
    }
    if (argument.startsWith('--')) {
      const equals = argument.indexOf('=');
      const name = equals < 0 ? argument : argument.slice(0, equals);
      if (equals >= 0) see(name, argument.slice(equals + 1));
      else if (withValue.has(name)) {
        const value = next(i);
        see(name, value);
        if (value !== null) i++;
      } else see(name, null);
    } else if (argument.startsWith('-') && argument.length > 1) {
      i += readCluster(argument, () => next(i), see);
    } else {
      firstPositional ??= i;
      if (verb === null || trailing.has(verb)) break;
    }
  }
  return {
    values: (name) => given.get(name) ?? [],
    last: (name) => given.get(name)?.at(-1) ?? null,
    count: (name) => counts.get(name) ?? 0,
    firstPositional,
    terminator,
  };
}

/** Reads `-vvj4`, `-j=4`, `-j 4`; answers how many further arguments it took. */
function readCluster(
  argument: string,
  next: () => string | null,
  see: (name: string, value: string | null) => void,
): number {
  for (let at = 1; at < argument.length; at++) {
    const name = shortNames[argument.charAt(at)] ?? `-${argument.charAt(at)}`;
    if (!withValue.has(name)) {
      see(name, null);
      continue;
    }
    const attached = argument.slice(at + 1);
    if (attached !== '') {
      see(name, attached.startsWith('=') ? attached.slice(1) : attached);
      return 0;
    }
    const value = next();
    see(name, value);
    return value === null ? 0 : 1;
  }
  return 0;
}

/** The command line, as far as drydock has to understand it. What is wrong with it is for cargo to say. */
import { resolve } from 'node:path';
import { readArguments } from './arguments.ts';
import type { Invocation } from './types.ts';

const builtinAliases: Readonly<Record<string, string>> = { b: 'build', c: 'check', d: 'doc', r: 'run', t: 'test' };

/**
 * Splits what follows `drydock` (or `cargo drydock`, where cargo passes `drydock` first) into drydock's own flags, cargo's
 * arguments before and after the verb, and the few of cargo's flags that drydock reads too. Unknown flags stay where they
 * are. Without a verb, `verb` is empty.
 */
export function parseInvocation(argv: readonly string[], cwd: string): Invocation {
  const cargoSubcommand = argv[0] === 'drydock';
  let rest = cargoSubcommand ? argv.slice(1) : [...argv];
  let toolchain: string | null = null;
  if (rest[0]?.startsWith('+')) {
    toolchain = rest[0].slice(1);
    rest = rest.slice(1);
  }

  const own = takeOwnFlags(rest);
  const verbAt = readArguments(own.others, null).firstPositional;
  const globalArguments = verbAt === null ? own.others : own.others.slice(0, verbAt);
  const written = verbAt === null ? '' : (own.others[verbAt] ?? '');
  const verb = builtinAliases[written] ?? written;
  const cargoArguments = verbAt === null ? [] : own.others.slice(verbAt + 1);

  const before = readArguments(globalArguments, null);
  const after = readArguments(cargoArguments, verb);
  const count = (name: string) => before.count(name) + after.count(name);
  const last = (name: string) => after.last(name) ?? before.last(name);

  const directory = before.last('-C');
  const formats = after.values('--message-format').join(',').toLowerCase();
  return {
    verb,
    globalArguments,
    cargoArguments,
    cargoSubcommand,
    toolchain,
    calledIn: cwd,
    cwd: directory === null ? cwd : resolve(cwd, directory),
    messageFormat: formats === '' ? 'human' : formats,
    verbosity: Math.min(2, count('--verbose')),
    quiet: count('--quiet') > 0,
    color: colorChoice(last('--color')),
    jobs: last('--jobs'),
    keepGoing: count('--keep-going') > 0,
    pure: own.pure,
    store: own.store,
    engine: own.engine,
  };
}

/** Values of an option among all of cargo's arguments of this invocation, in order; long names (`--target`). */
export function optionValues(invocation: Invocation, name: string): readonly string[] {
  return [
    ...readArguments(invocation.globalArguments, null).values(name),
    ...readArguments(invocation.cargoArguments, invocation.verb).values(name),
  ];
}

/** Whether a flag or option was given at all. */
export function hasOption(invocation: Invocation, name: string): boolean {
  return (
    readArguments(invocation.globalArguments, null).count(name) > 0 ||
    readArguments(invocation.cargoArguments, invocation.verb).count(name) > 0
  );
}

/** The words that belong to the program that `run` starts, or to the programs that `test` and `bench` start. */
export function programArguments({ verb, cargoArguments }: Invocation): readonly string[] {
  const { firstPositional, terminator } = readArguments(cargoArguments, verb);
  const after = terminator === null ? [] : cargoArguments.slice(terminator + 1);
  if (firstPositional === null) return after;
  // `run` ends at its first word; `test` and `bench` take one as a filter.
  if (verb === 'run') return cargoArguments.slice(firstPositional);
  return [cargoArguments[firstPositional] ?? '', ...after];
}

/** The verb's arguments without those words: what its unit graph may depend on. That a test is named counts, not which. */
export function graphArguments({ verb, cargoArguments }: Invocation): readonly string[] {
  const { firstPositional, terminator } = readArguments(cargoArguments, verb);
  const own = cargoArguments.slice(0, terminator ?? cargoArguments.length);
  if (firstPositional === null) return own;
  if (verb === 'run') return own.slice(0, firstPositional);
  return verb === 'test' || verb === 'bench' ? own.with(firstPositional, '') : own;
}

interface OwnFlags {
  readonly others: string[];
  readonly pure: boolean;
  readonly store: string | null;
  readonly engine: string | null;
}

/** Takes `--pure`, `--store DIR` and `--engine X` out, up to a `--`: what follows that belongs to the program that runs. */
function takeOwnFlags(argv: readonly string[]): OwnFlags {
  const others: string[] = [];
  const found: { pure: boolean; store: string | null; engine: string | null } = {
    pure: false,
    store: null,
    engine: null,
  };
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] ?? '';
    if (argument === '--') {
      others.push(...argv.slice(i));
      break;
    }
    const match = /^--(store|engine)(?:=(.*))?$/s.exec(argument);
    if (argument === '--pure') found.pure = true;
    else if (match) {
      const value = match[2] ?? argv[++i] ?? '';
      if (match[1] === 'store') found.store = value;
      else found.engine = value;
    } else others.push(argument);
  }
  return { others, ...found };
}

function colorChoice(value: string | null): Invocation['color'] {
  const choice = value?.toLowerCase();
  return choice === 'always' || choice === 'never' ? choice : 'auto';
}

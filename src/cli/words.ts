/** Own words of the commands that take the options of `drydock build` beside them. */
import type { Invocation } from '../cargo/types.ts';

export interface Asked {
  /** The same invocation as one of `drydock build`. */
  readonly invocation: Invocation;
  /** Words that are not options nor values of options, in order. */
  readonly words: readonly string[];
  readonly flags: ReadonlySet<string>;
}

/** Takes `flags` and free words out. A word right after an option that takes a value belongs to that option. */
export function askedAsBuild(invocation: Invocation, flags: readonly string[]): Asked {
  const own = new Set<string>();
  const words: string[] = [];
  const rest: string[] = [];
  let takesValue = false;
  for (const argument of invocation.cargoArguments) {
    if (flags.includes(argument)) own.add(argument);
    else if (argument.startsWith('-')) {
      rest.push(argument);
      takesValue = !argument.includes('=') && valued.test(argument);
      continue;
    } else if (takesValue) rest.push(argument);
    else words.push(argument);
    takesValue = false;
  }
  return { invocation: { ...invocation, verb: 'build', cargoArguments: rest }, words, flags: own };
}

const valued =
  /^(-p|-F|-j|-Z|--(package|exclude|bin|example|test|bench|features|jobs|profile|target|target-dir|manifest-path|config|color|message-format|lockfile-path))$/;

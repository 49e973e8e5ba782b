/** Which profile was asked for, and where its results go. Rule: cargo book, "Profiles". */
import { hasOption, optionValues } from './invocation.ts';
import type { Invocation } from './types.ts';

/** The profile that a verb takes when none is named. */
const defaults: Readonly<Record<string, string>> = { test: 'test', bench: 'bench', install: 'release' };

const directories: Readonly<Record<string, string>> = { dev: 'debug', test: 'debug', bench: 'release' };

export function profileOf(invocation: Invocation): { readonly profile: string; readonly profileDir: string } {
  const named = optionValues(invocation, '--profile').at(-1);
  let profile = named ?? defaults[invocation.verb] ?? 'dev';
  if (named === undefined && hasOption(invocation, '--release')) profile = 'release';
  return { profile, profileDir: directories[profile] ?? profile };
}

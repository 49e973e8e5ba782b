/** How to run one test program alone, as cargo says it. */
import { hasOption } from '../cargo/invocation.ts';
import type { Target } from '../cargo/types.ts';
import { isLibrary, kindOf } from '../plan/target.ts';
import type { Built } from './built.ts';

/** `-p NAME ` where the package has to be named for it to be tested alone. */
export function packageChoice({ workspace }: Built, name: string): string {
  const { invocation, memberCounts } = workspace;
  const all = hasOption(invocation, '--workspace') || hasOption(invocation, '--all');
  const named = hasOption(invocation, '--package') || hasOption(invocation, '--exclude');
  return named || (all ? memberCounts.all : memberCounts.default) > 1 ? `-p ${name} ` : '';
}

/** Whether the harness keeps what a test prints to itself; `words`: what it is called with. */
export function catchesOutput(words: readonly string[]): boolean {
  return !words.some((word) => word === '--nocapture' || word === '--no-capture');
}

/** `--lib`, `--bin NAME`, `--test NAME`, … */
export function targetChoice(target: Target): string {
  return isLibrary(target) ? '--lib' : `--${kindOf(target)} ${target.name}`;
}

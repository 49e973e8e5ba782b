/** Which units of `cargo check` check a target's tests: its graph prints them like checks of the target itself. */
import { hasOption, optionValues } from './invocation.ts';
import type { Invocation, Unit, UnitGraph } from './types.ts';

/**
 * The graph with the mode `check-test` where cargo checks with `--test`. What others depend on is the target itself; of
 * two units that are printed alike it stands first, as in cargo's order; a unit that stands alone is what was asked for.
 * Rule: cargo's `unit_generator.rs`.
 */
export function tellCheckedTests(graph: UnitGraph, invocation: Invocation): UnitGraph {
  if (invocation.verb !== 'check') return graph;
  const needed = new Set(graph.units.flatMap((unit) => unit.dependencies.map(({ index }) => index)));
  const checks = graph.units.filter((unit) => unit.mode === 'check');
  const seen = new Set<string>();
  const units = graph.units.map((unit, index): Unit => {
    if (unit.mode !== 'check') return unit;
    const printed = JSON.stringify([subject(unit), unit.profile]);
    const second = seen.has(printed);
    seen.add(printed);
    const tested = second || (!needed.has(index) && standsForTests(unit, checks, invocation));
    return tested ? { ...unit, mode: 'check-test' } : unit;
  });
  return { ...graph, units };
}

function subject(unit: Unit): string {
  return JSON.stringify([unit.pkg_id, unit.target.kind, unit.target.name, unit.platform, unit.features]);
}

function standsForTests(unit: Unit, checks: readonly Unit[], invocation: Invocation): boolean {
  const kind = unit.target.kind[0] ?? '';
  if (kind === 'test' || kind === 'bench') return true;
  if (optionValues(invocation, '--profile').at(-1) === 'test') return true;
  // Tests unwind whatever the profile says; beside a unit that does not, this one is there for them.
  const aborting = checks.some((other) => other.profile.panic !== 'unwind' && subject(other) === subject(unit));
  if (aborting && unit.profile.panic === 'unwind') return true;
  return !asksForTarget(kind, unit.target.name, invocation);
}

/** Whether the command line chooses the target itself, not only its tests or benchmarks. */
function asksForTarget(kind: string, name: string, invocation: Invocation): boolean {
  const given = (option: string) => hasOption(invocation, option);
  if (given('--all-targets')) return true;
  const choices = ['--lib', '--bins', '--bin', '--examples', '--example', '--tests', '--test', '--benches', '--bench'];
  if (!choices.some(given)) return true;
  if (kind !== 'bin' && kind !== 'example') return given('--lib');
  return given(`--${kind}s`) || optionValues(invocation, `--${kind}`).some((pattern) => fits(pattern, name));
}

/** Names may be patterns as in a shell. */
function fits(pattern: string, name: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.+^${}()|\\]/g, '\\$&').replaceAll('?', '.'));
  return new RegExp(`^${parts.join('.*')}$`).test(name);
}

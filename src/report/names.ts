/** Units in the words of cargo's messages. */
import type { Target, UnitMode } from '../cargo/types.ts';
import { isLibrary, kindOf } from '../plan/target.ts';
import type { PlannedUnit } from '../plan/types.ts';

/** `lib`, `bin "foo"`, `example "bar"`, `build script`. */
export function describeTarget(target: Target): string {
  const kind = kindOf(target);
  if (kind === 'custom-build') return 'build script';
  return isLibrary(target) ? 'lib' : `${kind} "${target.name}"`;
}

/** `` `foo` (bin "bar" test) ``. */
export function describeUnit(name: string, target: Target, mode: UnitMode): string {
  const harness = !['test', 'bench'].includes(kindOf(target));
  const suffix = isTestMode(mode) && harness ? ' test' : mode === 'doctest' ? ' doctest' : mode === 'doc' ? ' doc' : '';
  return `\`${name}\` (${describeTarget(target)}${suffix})`;
}

function isTestMode(mode: UnitMode): boolean {
  return mode === 'test' || mode === 'check-test';
}

/** The name of a running unit in the progress bar: `foo`, `foo(build.rs)`, `foo(build)`, `bar(bin)`, `baz(test)`. */
export function progressName({ unit, package: pkg }: PlannedUnit): string {
  const { target, mode } = unit;
  const kind = kindOf(target);
  if (mode === 'doc') return `${pkg.name}(doc)`;
  if (mode === 'run-custom-build') return `${pkg.name}(build)`;
  if (isTestMode(mode)) {
    const word = isLibrary(target) ? 'test' : kind === 'bin' || kind === 'example' ? `${kind} test` : kind;
    return `${target.name}(${word})`;
  }
  if (kind === 'custom-build') return `${pkg.name}(build.rs)`;
  return isLibrary(target) ? pkg.name : `${target.name}(${kind})`;
}

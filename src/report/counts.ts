/** Warnings of one unit, for the line that sums them up. */
import type { PlannedUnit } from '../plan/types.ts';
import { isBuildScript, isTest, kindOf } from '../plan/target.ts';
import { describeTarget, describeUnit } from './names.ts';

export class WarningCount {
  #total = 0;
  #duplicates = 0;
  #fixable = 0;
  #failed = false;

  /** `shown`: false for one that another unit of the build has shown already. */
  warning(shown: boolean, fixable: boolean): void {
    this.#total += 1;
    if (!shown) this.#duplicates += 1;
    else if (fixable) this.#fixable += 1;
  }

  /** After an error no fixes are offered. */
  error(): void {
    this.#failed = true;
  }

  /** `` `foo` (lib) generated 2 warnings (1 duplicate) (run `cargo fix …` to apply 1 suggestion) ``; null: none. */
  summary({ unit, package: pkg }: PlannedUnit, clippy: boolean): string | null {
    if (this.#total === 0) return null;
    const duplicates = this.#duplicates === 0 ? '' : ` (${plural(this.#duplicates, 'duplicate')})`;
    const text = `${describeUnit(pkg.name, unit.target, unit.mode)} generated ${plural(this.#total, 'warning')}${duplicates}`;
    const offered = !this.#failed && this.#fixable > 0 && pkg.source.kind === 'path' && !isBuildScript(unit.target);
    if (!offered) return text;
    const tests = isTest(unit) && !['test', 'bench'].includes(kindOf(unit.target)) ? ' --tests' : '';
    const command = `${clippy ? 'cargo clippy --fix' : 'cargo fix'} --${describeTarget(unit.target)} -p ${pkg.name}${tests}`;
    return `${text} (run \`${command}\` to apply ${plural(this.#fixable, 'suggestion')})`;
  }
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

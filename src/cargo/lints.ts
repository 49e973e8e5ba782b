/** `[lints]` as arguments for rustc. Rule: cargo book, "The `[lints]` section". */
import { compare, entriesOf, fieldOf, textOf } from './tables.ts';

interface Lint {
  readonly name: string;
  readonly priority: number;
  readonly option: string;
}

/**
 * The arguments of a `lints` table whose inheritance is already applied: lower priorities first, within one priority by
 * name backwards, so that a group such as `all` comes after the lints it holds. cargo's own lints are not for rustc. What
 * `unexpected_cfgs` declares follows as `--check-cfg`.
 */
export function lintFlags(lints: unknown): readonly string[] {
  const found: Lint[] = [];
  for (const [tool, table] of entriesOf(lints)) {
    if (tool === 'cargo') continue;
    for (const [name, setting] of entriesOf(table)) {
      const level = typeof setting === 'string' ? setting : textOf(setting, 'level');
      const priority = fieldOf(setting, 'priority');
      const lint = tool === 'rust' ? name : `${tool}::${name}`;
      found.push({ name, priority: typeof priority === 'number' ? priority : 0, option: `--${level}=${lint}` });
    }
  }
  found.sort((a, b) => a.priority - b.priority || compare(b.name, a.name) || compare(a.option, b.option));
  const declared = fieldOf(fieldOf(fieldOf(lints, 'rust'), 'unexpected_cfgs'), 'check-cfg');
  const checks = Array.isArray(declared) ? declared.flatMap((cfg) => ['--check-cfg', String(cfg)]) : [];
  return [...found.map((lint) => lint.option), ...checks];
}

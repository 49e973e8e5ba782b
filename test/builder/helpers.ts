/** Units of small crates, described as the planner describes them, with a real rustc. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Goal, GoalKey, SourceInput } from '../../src/engine/types.ts';
import { textPath } from '../../src/nix/store-path.ts';
import { type Builders, readBuilders } from '../../src/plan/builders.ts';
import type { GoalSpec, Lab } from '../engine/helpers.ts';

/** The shells that a sandbox may have as `/bin/sh`: Debian's, and the one in Nix's sandbox. */
export const shells: readonly (readonly [string, readonly [string, ...string[]]])[] = [
  ['dash', ['/usr/bin/dash']],
  ['busybox', ['/usr/bin/busybox', 'sh']],
];

const sysroot = execFileSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8' }).trim();

export const toolchain: SourceInput = {
  kind: 'host-directory',
  path: textPath('rust', sysroot),
  from: sysroot,
};
export const rustc = `${toolchain.path}/bin/rustc`;
const builders = readBuilders(fileURLToPath(new URL('../../builder', import.meta.url)));

/** A word list, as the planner writes it. */
export function words(list: readonly string[]): string {
  return list.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
}

export interface UnitSpec extends Omit<GoalSpec, 'script' | 'command' | 'sources' | 'env'> {
  readonly source: SourceInput;
  readonly env: Readonly<Record<string, string>> & { readonly step: keyof Builders };
  readonly sources?: readonly SourceInput[];
}

/** A goal of the builder of `env.step`. */
export function unit(shell: readonly [string, ...string[]], spec: UnitSpec): GoalSpec {
  const { source, env, sources, ...rest } = spec;
  const builder = builders[env.step];
  return {
    ...rest,
    command: [...shell, builder.path],
    sources: [builder, toolchain, source, ...(sources ?? [])],
    env: {
      source: source.path,
      sourceForm: 'tree',
      place: '/build/ws',
      directory: '/build/ws',
      path: '/usr/bin:/bin',
      environment: '',
      ...env,
    },
  };
}

/** rustc's arguments for a crate of the test. */
export function rustcArguments(crate: string, type: string, root: string, more: readonly string[] = []): string {
  const emit = `--emit=dep-info,${type === 'lib' ? 'metadata,' : ''}link`;
  const constant =
    '--error-format=json --json=diagnostic-rendered-ansi,artifacts,future-incompat -C metadata=0123456789abcdef';
  const places = '-C extra-filename=-0123456789abcdef --out-dir /build/out -L dependency=/build/deps';
  const unitArguments = `--crate-name ${crate} --edition=2021 ${root} --crate-type ${type} ${constant} ${emit} ${places}`;
  return words([...unitArguments.split(' '), ...more]);
}

export function outPath(goals: ReadonlyMap<GoalKey, Goal>, key: GoalKey): string {
  const goal = goals.get(key);
  if (goal === undefined) throw new Error(`no goal ${key}`);
  return goal.sealed.outPath;
}

export function readOutput(lab: Lab, goals: ReadonlyMap<GoalKey, Goal>, key: GoalKey, file: string): string {
  const goal = goals.get(key);
  if (goal === undefined) throw new Error(`no goal ${key}`);
  return readFileSync(`${lab.engine.hostPath(goal.sealed.outPath)}/${file}`, 'utf8');
}

/** What every unit's derivation has in common. */
import type { SourceInput } from '../engine/types.ts';
import { type StoreView, declareViews } from '../mounts/views.ts';
import { sealDerivation } from '../nix/seal.ts';
import { toStoreName } from '../nix/store-path.ts';
import type { SealedDerivation, StorePath } from '../nix/types.ts';
import type { Facts } from './facts.ts';
import { callsLinker, isBuildScript, isRun, kindOf } from './target.ts';
import type { PlanOptions } from './types.ts';

/** Directories of the host's tools, in the order in which programs are looked up. */
export const hostPath = ['/usr/local/bin', '/usr/bin', '/bin'];

/** Longest string that a kernel takes as one variable is 128 KiB; longer lists go through a file. */
const longestVariable = 100_000;

export interface Draft {
  readonly env: Readonly<Record<string, string>>;
  /** The builder of its step, one of `sources`. */
  readonly builder: SourceInput;
  readonly inputs: readonly SealedDerivation[];
  readonly sources: readonly SourceInput[];
  /** A program of the host runs, beside what links: it may load the host's C library. */
  readonly usesHost?: boolean;
}

/** Seals one unit's derivation. `host`: the triple that it is built on. */
export function seal(facts: Facts, options: PlanOptions, index: number, draft: Draft): SealedDerivation {
  const name = derivationName(facts, index);
  const system = systemOf(facts.workspace.toolchain.host);
  const builder = '/bin/sh';
  const linked = callsLinker(facts.unit(index)) || isRun(facts.unit(index)) || draft.usesHost === true;
  const env: Record<string, string> = { ...draft.env, name, system, builder };
  if (linked) env['hostTools'] = options.tools.identity;
  // Of this checkout and this user: not to be built, nor to be had, elsewhere (Nix manual, "Advanced attributes").
  if (facts.lanes[index] === 'dev') Object.assign(env, { preferLocalBuild: '1', allowSubstitutes: '' });
  const long = ['dependencies', 'movingDependencies', 'storeViews'].filter(
    (each) => (env[each]?.length ?? 0) > longestVariable,
  );
  if (long.length > 0) env['passAsFile'] = long.join(' ');
  return sealDerivation({
    name,
    system,
    builder,
    args: [draft.builder.path],
    env,
    inputDrvs: draft.inputs,
    inputSrcs: draft.sources.map((source): StorePath => source.path),
  });
}

/** What a derivation of the dev lane says for the daemon's hook: whose it is, and what its sandbox is to show. */
export function laneVariables(
  { owner }: PlanOptions,
  cacheMounts: string | null,
  views: readonly StoreView[],
): Record<string, string> {
  const storeViews = declareViews(views);
  const asks = cacheMounts !== null || storeViews !== null;
  return {
    owner: String(owner.uid),
    scope: owner.scope,
    ...(cacheMounts === null ? {} : { cacheMounts }),
    ...(storeViews === null ? {} : { storeViews }),
    ...(asks && owner.grants !== undefined ? { cacheGrants: owner.grants } : {}),
  };
}

/** Nix's name of the system that a derivation is built on. */
export function systemOf(host: string): string {
  const architecture = host.split('-')[0] ?? host;
  const names: Readonly<Record<string, string>> = {
    i586: 'i686',
    armv7: 'armv7l',
    arm: 'armv6l',
    riscv64gc: 'riscv64',
    powerpc64le: 'powerpc64le',
  };
  return `${names[architecture] ?? architecture}-linux`;
}

/** `<name>-<version>[-<what of it>]-<identity>`. */
function derivationName(facts: Facts, index: number): string {
  const pkg = facts.package(index);
  return toStoreName([pkg.name, pkg.version, ...partName(facts, index), facts.ids[index]].join('-'));
}

function partName(facts: Facts, index: number): readonly string[] {
  const unit = facts.unit(index);
  if (isRun(unit)) return ['script_build_run'];
  if (isBuildScript(unit.target)) return ['script_build'];
  const kind = kindOf(unit.target);
  const own = ['bin', 'example', 'test', 'bench'].includes(kind) ? [kind, unit.target.name] : [];
  return [...(unit.mode === 'build' ? [] : [unit.mode]), ...own];
}

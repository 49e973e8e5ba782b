/** Identities of units: constant over edits and checkouts, different for any two units that differ as cargo sees them. */
import { createHash } from 'node:crypto';
import * as path from 'node:path';
import type { Package, Profile, Unit, Workspace } from '../cargo/types.ts';
import { computeLto } from './lto.ts';
import type { UnitId } from './types.ts';

/** Changed when the meaning of a unit's identity changes. */
const version = 2;

/**
 * The identity of each unit of the graph, by index. It names the crate for rustc (`-C metadata`), its files
 * (`-C extra-filename`) and its incremental state. What enters is listed in docs/derivation.md; sources never do.
 */
export function unitIds(workspace: Workspace): readonly UnitId[] {
  const { units } = workspace.graph;
  const lto = computeLto(workspace.graph);
  const known = new Map<number, UnitId>();
  const rustflags = new Map<string | null, readonly string[]>();
  const wrapper = workspace.config.rustcWorkspaceWrapper;

  const flagsFor = (platform: string | null): readonly string[] => {
    let flags = rustflags.get(platform);
    if (flags === undefined) {
      flags = withoutRemapping(workspace.config.rustflags(platform));
      rustflags.set(platform, flags);
    }
    return flags;
  };

  const identify = (index: number): UnitId => {
    const done = known.get(index);
    if (done !== undefined) return done;
    const unit = unitAt(units, index);
    const dependencies = unit.dependencies.map((dependency) => identify(dependency.index)).sort();
    const hash = createHash('sha256');
    hash.update(
      JSON.stringify([
        version,
        stablePackageId(workspace.packages.get(unit.pkg_id), unit.pkg_id, workspace.root),
        unit.target.name,
        unit.target.kind,
        unit.target.crate_types,
        unit.mode,
        settings(unit.profile),
        unit.features,
        unit.platform,
        unit.is_std === true,
        flagsFor(unit.platform),
        ...(wrapper && workspace.members.has(unit.pkg_id) ? [path.basename(wrapper)] : []),
        lto.get(index) ?? null,
        workspace.toolchain.verboseVersion,
        dependencies,
      ]),
    );
    const id = hash.digest('hex').slice(0, 16) as UnitId;
    known.set(index, id);
    return id;
  };
  return distinct(units.map((_, index) => identify(index)));
}

/** A package's id; that of a path package by its place relative to the workspace, so that checkouts agree. */
export function stablePackageId(pkg: Package | undefined, id: string, root: string): string {
  if (pkg?.source.kind !== 'path') return id;
  return `path+${path.relative(root, pkg.root)}#${pkg.name}@${pkg.version}`;
}

/** Flags that remap paths hold paths of this machine; as in cargo they have no part in names. */
function withoutRemapping(flags: readonly string[]): readonly string[] {
  const remaps = flags.some((flag) => flag === '--remap-path-prefix' || flag.startsWith('--remap-path-prefix='));
  return remaps ? [] : flags;
}

/** Units that cargo's graph prints alike (a test and a plain `check` of one library) are told apart by their order. */
function distinct(ids: readonly UnitId[]): readonly UnitId[] {
  const seen = new Map<UnitId, number>();
  return ids.map((id) => {
    const earlier = seen.get(id) ?? 0;
    seen.set(id, earlier + 1);
    if (earlier === 0) return id;
    return createHash('sha256').update(`${id}.${earlier}`).digest('hex').slice(0, 16) as UnitId;
  });
}

/** What a profile says, not what it is called: a library built for `dev` serves `test` as well. */
function settings(profile: Profile): readonly (readonly [string, unknown])[] {
  const { name: _, ...values } = profile;
  return Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The unit at an index of the graph that cargo printed. */
export function unitAt(units: readonly Unit[], index: number): Unit {
  const unit = units[index];
  if (unit === undefined) throw new Error(`unit graph: no unit ${index}`);
  return unit;
}

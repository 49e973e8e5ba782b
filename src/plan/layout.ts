/** Where a unit's results lie below the target directory, as cargo lays them out. */
import * as path from 'node:path';
import type { Package, Unit, Workspace } from '../cargo/types.ts';
import { crateName, isBuildScript, isRun, kindOf } from './target.ts';
import type { UnitId } from './types.ts';

/** `<build directory>[/<triple>]/<profile>`; `platform` null: the host. */
export function buildRoot(workspace: Workspace, platform: string | null): string {
  return path.join(workspace.buildDir, platform ?? '', workspace.profileDir);
}

/** `<target directory>[/<triple>]/<profile>`: where results are uplifted to. */
export function artifactRoot(workspace: Workspace, platform: string | null): string {
  return path.join(workspace.targetDir, platform ?? '', workspace.profileDir);
}

/** The directory of a unit's own files; of a build-script run: the one that holds `out`. */
export function unitDirectory(workspace: Workspace, unit: Unit, pkg: Package, id: UnitId): string {
  const root = buildRoot(workspace, isRun(unit) ? unit.platform : isBuildScript(unit.target) ? null : unit.platform);
  if (isBuildScript(unit.target)) return path.join(root, 'build', `${pkg.name}-${id}`);
  return path.join(root, kindOf(unit.target) === 'example' ? 'examples' : 'deps');
}

/** Host directory of a unit's incremental state. */
export function incrementalDirectory(workspace: Workspace, unit: Unit, id: UnitId): string {
  return path.join(buildRoot(workspace, unit.platform), 'incremental', `${crateName(unit.target)}-${id}`);
}

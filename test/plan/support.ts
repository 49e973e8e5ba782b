/** Plans of real workspaces, read by cargo itself. */
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { diskCache } from '../../src/cargo/disk-cache.ts';
import { parseInvocation } from '../../src/cargo/invocation.ts';
import type { Workspace } from '../../src/cargo/types.ts';
import { readWorkspace } from '../../src/cargo/workspace.ts';
import { readBuilders } from '../../src/plan/builders.ts';
import { readTools } from '../../src/plan/host-tools.ts';
import { openNixTools } from '../../src/plan/nix-tools.ts';
import { planUnits } from '../../src/plan/plan.ts';
import { openShell } from '../../src/plan/shell.ts';
import { readWrappers } from '../../src/plan/wrappers.ts';
import { readToolchainInput } from '../../src/plan/toolchain.ts';
import type { Plan, PlanOptions } from '../../src/plan/types.ts';
import { openSources } from '../../src/sources/open.ts';
import type { UnitRecord } from '../../src/sources/types.ts';

export const emptyRecord: UnitRecord = { files: [], wholePackage: false, env: [], rerun: null, shell: false };

/** Kept between the tests of one machine: hashes of the toolchain. */
const cacheDir = path.join(os.tmpdir(), `drydock-test-cache-${process.getuid?.() ?? 0}`);

export async function workspaceOf(
  root: string,
  argv: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<Workspace> {
  const result = await readWorkspace(parseInvocation(argv, root), environment, { cacheDir });
  if (!result.ok) throw new Error(`cargo refused with ${result.failure.exitCode}`);
  return result.value;
}

export async function optionsFor(
  workspace: Workspace,
  records: ReadonlyMap<string, UnitRecord> = new Map(),
): Promise<PlanOptions> {
  const cache = diskCache(cacheDir);
  const nix = openNixTools(workspace.environment, cache);
  const platforms = workspace.graph.units.map((unit) => unit.platform);
  const linkers = [...new Set(platforms)].map((platform) => workspace.config.linker(platform));
  const tools = await readTools(linkers, [], workspace.environment, cache, nix);
  return {
    sources: openSources({ workspaceRoot: workspace.root, cacheDir, cargoHome: workspace.cargoHome }),
    record: (id) => records.get(id) ?? emptyRecord,
    owner: { uid: 1000, scope: 'scope' },
    toolchain: await readToolchainInput(workspace.toolchain, platforms, cache, nix),
    tools,
    shell: openShell(workspace.environment, tools, nix),
    wrappers: await readWrappers(workspace.config, workspace.environment, cache, nix),
    builders: readBuilders(fileURLToPath(new URL('../../builder', import.meta.url))),
  };
}

export async function planOf(
  root: string,
  argv: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<{ readonly workspace: Workspace; readonly plan: Plan }> {
  const workspace = await workspaceOf(root, argv, environment);
  return { workspace, plan: planUnits(workspace, await optionsFor(workspace)) };
}

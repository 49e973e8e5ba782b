/** Programs of the caller's through which rustc is run: `RUSTC_WRAPPER`, `RUSTC_WORKSPACE_WRAPPER`. */
import * as path from 'node:path';
import type { DiskCache } from '../cargo/disk-cache.ts';
import { onPath } from '../cargo/programs.ts';
import type { Config } from '../cargo/types.ts';
import type { SourceInput } from '../engine/types.ts';
import { UserError } from '../sys/errors.ts';
import { contentAddressed } from './content.ts';
import { hostFile } from './host-files.ts';
import type { NixTools } from './nix-tools.ts';

/**
 * One program as an input: its store path, where it lies in the machine's Nix store; else its file, by content. What that
 * one needs beside its file, its sandbox has or has not.
 */
export interface Wrapper {
  readonly input: SourceInput;
  /** Where it is in the sandbox. */
  readonly program: string;
  /** What cargo calls it. */
  readonly name: string;
}

export interface Wrappers {
  /** Around every rustc. */
  readonly all: Wrapper | null;
  /** Around rustc of members of the workspace, inside of the other one. */
  readonly workspace: Wrapper | null;
}

export const noWrappers: Wrappers = { all: null, workspace: null };

/** Programs that only cache what rustc does: the store does their work, so they are left out. */
const caches = /^(sccache|kache|cachepot|ccache|mbx)$/;

/** Throws `UserError` D0701 when one of them is no file. */
export async function readWrappers(
  config: Pick<Config, 'rustcWrapper' | 'rustcWorkspaceWrapper'>,
  environment: Readonly<Record<string, string>>,
  cache: DiskCache,
  nix: NixTools,
): Promise<Wrappers> {
  const read = async (name: string | null): Promise<Wrapper | null> =>
    name === null || name === '' || caches.test(path.basename(name))
      ? null
      : readWrapper(name, environment, cache, nix);
  const [all, workspace] = await Promise.all([read(config.rustcWrapper), read(config.rustcWorkspaceWrapper)]);
  return { all, workspace };
}

/** `member`: of a package of the workspace. Outermost first. */
export function wrappersFor({ all, workspace }: Wrappers, member: boolean): readonly Wrapper[] {
  return [all, member ? workspace : null].filter((wrapper) => wrapper !== null);
}

async function readWrapper(
  name: string,
  environment: Readonly<Record<string, string>>,
  cache: DiskCache,
  nix: NixTools,
): Promise<Wrapper> {
  const found = onPath(name, environment);
  const file = found === null ? null : hostFile(path.dirname(found), path.basename(found));
  if (file === null) {
    throw new UserError(
      'D0701',
      `rustc is to be run through ${name}, which is not there`,
      'correct RUSTC_WRAPPER and RUSTC_WORKSPACE_WRAPPER, or build.rustc-wrapper and build.rustc-workspace-wrapper',
    );
  }
  const tool = found === null ? null : nix.find(found);
  if (tool !== null) return { input: tool.input, program: tool.file, name };
  const inside = `bin/${file.name}`;
  const { path: place } = await contentAddressed(file.name, [{ ...file, name: inside }], cache);
  return {
    input: { kind: 'tree', path: place, files: new Map([[inside, file.real]]) },
    program: path.join(place, inside),
    name,
  };
}

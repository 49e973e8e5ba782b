/** Tools that lie in the machine's Nix store: known by their path, and inputs with all that they refer to. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { DiskCache } from '../cargo/disk-cache.ts';
import { onPath } from '../cargo/programs.ts';
import type { SourceInput } from '../engine/types.ts';
import { parseStorePath } from '../nix/store-path.ts';
import { type StorePath, storeDir } from '../nix/types.ts';
import { run } from '../sys/run.ts';

export interface NixTool {
  /** Where it lies in the store. */
  readonly file: string;
  readonly input: Extract<SourceInput, { kind: 'store-path' }>;
}

export interface NixTools {
  /** A file or directory of the host that lies in the store; null: it does not, or what it refers to cannot be learned. */
  find(file: string): Promise<NixTool | null>;
}

/** Where Nix's programs are when `PATH` does not say: multi-user Nix, NixOS. */
const programs = ['/nix/var/nix/profiles/default/bin/nix-store', '/run/current-system/sw/bin/nix-store'];

/** Asks Nix once for each store path: what a path refers to stays the same as long as it is there. */
export function openNixTools(environment: Readonly<Record<string, string>>, cache: DiskCache): NixTools {
  const asked = new Map<StorePath, Promise<readonly StorePath[] | null>>();
  const closureOf = (storePath: StorePath) => {
    let answer = asked.get(storePath);
    if (answer === undefined) {
      answer = readClosure(storePath, environment, cache);
      asked.set(storePath, answer);
    }
    return answer;
  };
  return {
    async find(file) {
      const place = placeInStore(file);
      if (place === null) return null;
      const closure = await closureOf(place.storePath);
      return closure === null
        ? null
        : { file: place.file, input: { kind: 'store-path', path: place.storePath, closure } };
    },
  };
}

/**
 * Where a tool lies in the store: links are followed (profiles are trees of them) as long as the name stays, since many
 * programs are one file under several names.
 */
export function placeInStore(file: string): { readonly file: string; readonly storePath: StorePath } | null {
  let at = file;
  for (let steps = 0; steps < 40; steps++) {
    try {
      at = path.join(fs.realpathSync(path.dirname(at)), path.basename(at));
    } catch {
      return null;
    }
    const link = fs.lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink() === true ? fs.readlinkSync(at) : null;
    if (link === null || path.basename(link) !== path.basename(at)) break;
    at = path.resolve(path.dirname(at), link);
  }
  const storePath = parseStorePath(
    at
      .split('/')
      .slice(0, storeDir.split('/').length + 1)
      .join('/'),
  );
  return storePath === null ? null : { file: at, storePath };
}

async function readClosure(
  storePath: StorePath,
  environment: Readonly<Record<string, string>>,
  cache: DiskCache,
): Promise<readonly StorePath[] | null> {
  const known = cache.read('nix-closure', storePath);
  // A path that was collected and built again may refer to others than before.
  if (Array.isArray(known) && known.every(isThere)) return known as StorePath[];
  const program = onPath('nix-store', environment) ?? programs.find((each) => fs.existsSync(each));
  if (program === undefined) return null;
  // The tools are this machine's, wherever the units are built.
  const { NIX_REMOTE: _, ...env } = environment;
  const answer = await run(program, ['--query', '--requisites', storePath], { env });
  if (answer.code !== 0) return null;
  const closure = answer.stdout
    .toString()
    .split('\n')
    .flatMap((line) => parseStorePath(line) ?? [])
    .sort();
  if (!closure.includes(storePath)) return null;
  cache.write('nix-closure', storePath, closure);
  return closure;
}

function isThere(storePath: string): boolean {
  return fs.lstatSync(storePath, { throwIfNoEntry: false }) !== undefined;
}

/** Inputs of these tools, each once. */
export function inputsOf(tools: readonly NixTool[]): readonly SourceInput[] {
  return [...new Map(tools.map(({ input }) => [input.path, input])).values()];
}

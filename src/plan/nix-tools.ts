/** Tools that lie in the machine's Nix store: known by their path, and inputs with all that they refer to. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { DiskCache } from '../cargo/disk-cache.ts';
import { onPath } from '../cargo/programs.ts';
import type { SourceInput } from '../engine/types.ts';
import { parseStorePath } from '../nix/store-path.ts';
import { type StorePath, storeDir } from '../nix/types.ts';
import { runNow } from '../sys/run-now.ts';

export type StoreInput = Extract<SourceInput, { kind: 'store-path' }>;

export interface NixTool {
  /** Where it lies in the store. */
  readonly file: string;
  readonly input: StoreInput;
}

export interface NixTools {
  /** A file or directory of the host that lies in the store; null: it does not, or what it refers to cannot be learned. */
  find(file: string): NixTool | null;
  /** The store paths that a text names, as far as they are there and it can be learned what they refer to. */
  named(text: string): readonly StoreInput[];
}

/** As a text may hold them: what follows the hash may be cut off wrongly where a name could go on (`…-source=/usr/src`). */
const storePaths = /\/nix\/store\/[0-9a-df-np-sv-z]{32}-[0-9a-zA-Z+\-._?=]+/g;

/** Where Nix's programs are when `PATH` does not say: multi-user Nix, NixOS. */
const programs = ['/nix/var/nix/profiles/default/bin/nix-store', '/run/current-system/sw/bin/nix-store'];

/** Asks Nix once for each store path: what a path refers to stays the same as long as it is there. */
export function openNixTools(environment: Readonly<Record<string, string>>, cache: DiskCache): NixTools {
  const asked = new Map<StorePath, StoreInput | null>();
  const inputFor = (path: StorePath): StoreInput | null => {
    let answer = asked.get(path);
    if (answer === undefined) {
      const closure = isThere(path) ? readClosure(path, environment, cache) : null;
      answer = closure === null ? null : { kind: 'store-path', path, closure };
      asked.set(path, answer);
    }
    return answer;
  };
  return {
    find(file) {
      const place = placeInStore(file);
      const input = place === null ? null : inputFor(place.storePath);
      return place === null || input === null ? null : { file: place.file, input };
    },
    named: (text) => storePathsIn(text).flatMap((storePath) => inputFor(storePath) ?? []),
  };
}

/** The store paths that a text names and that are there. */
export function storePathsIn(text: string): readonly StorePath[] {
  return [...text.matchAll(storePaths)].flatMap(([full]) => {
    const candidates = [full, full.replace(/=.*$/, '')].flatMap((each) => parseStorePath(each) ?? []);
    return candidates.find(isThere) ?? [];
  });
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

function readClosure(
  storePath: StorePath,
  environment: Readonly<Record<string, string>>,
  cache: DiskCache,
): readonly StorePath[] | null {
  const known = cache.read('nix-closure', storePath);
  // A path that was collected and built again may refer to others than before.
  if (Array.isArray(known) && known.every(isThere)) return known as StorePath[];
  const program = onPath('nix-store', environment) ?? programs.find((each) => fs.existsSync(each));
  if (program === undefined) return null;
  // The tools are this machine's, wherever the units are built.
  const { NIX_REMOTE: _, ...env } = environment;
  const answer = runNow(program, ['--query', '--requisites', storePath], env);
  if (answer === null) return null;
  const closure = answer
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
export function inputsOf(tools: readonly NixTool[]): readonly StoreInput[] {
  return [...new Map(tools.map(({ input }) => [input.path, input])).values()];
}

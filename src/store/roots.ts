/** What each checkout shows in its target directory: the reason why collection keeps a path. */
import { readFileSync, readdirSync, statSync, unlinkSync, utimesSync, writeFileSync, renameSync } from 'node:fs';
import * as path from 'node:path';
import { sha256 } from '../nix/hash.ts';
import { parseStorePath } from '../nix/store-path.ts';
import type { StorePath } from '../nix/types.ts';
import type { Layout } from './layout.ts';
import type { Lane, RootsRequest } from './types.ts';
import type { WorkDirectory } from './work.ts';

/** Outputs of a unit, newest first: one in the pure lane, the last two in the dev lane. */
interface RootUnit {
  readonly lane: Lane;
  readonly outputs: readonly StorePath[];
}

export interface RootsFile {
  readonly version: 1;
  readonly targetDir: string;
  /** Paths that the target directory shows now. */
  readonly paths: readonly StorePath[];
  readonly units: Readonly<Record<string, RootUnit>>;
  readonly timestamp: number;
}

const KEPT: Readonly<Record<Lane, number>> = { pure: 1, dev: 2 };

/** Merges what a build has made into the file of its target directory. The caller is the only one who builds there. */
export function registerRoots(layout: Layout, work: WorkDirectory, request: RootsRequest): void {
  const file = path.join(layout.roots, `${sha256(request.targetDir).slice(0, 32)}.json`);
  const before = readRoots(file);
  const units: Record<string, RootUnit> = { ...before?.units };
  let changed = before === null;
  for (const [id, { path: output, lane }] of request.units) {
    const known = units[id];
    if (known?.outputs[0] === output && known.lane === lane) continue;
    changed = true;
    const older = known?.lane === lane ? known.outputs.filter((one) => one !== output) : [];
    units[id] = { lane, outputs: [output, ...older].slice(0, KEPT[lane]) };
  }
  const now = new Date();
  if (!changed) {
    utimesSync(file, now, now);
    return;
  }
  const paths = Object.values(units).flatMap((unit) => unit.outputs.slice(0, 1));
  const roots: RootsFile = { version: 1, targetDir: request.targetDir, paths, units, timestamp: now.getTime() };
  const aside = work.fresh('roots');
  writeFileSync(aside, JSON.stringify(roots), { flag: 'wx' });
  renameSync(aside, file);
}

export interface LiveRoots {
  /** Every output that a root keeps -> when a build there last used the newest ones (milliseconds). */
  readonly kept: ReadonlyMap<StorePath, number>;
}

/** All roots. `drop`: those whose target directory is gone are removed; so are files that are no roots files. */
export function liveRoots(layout: Layout, drop: boolean): LiveRoots {
  const kept = new Map<StorePath, number>();
  for (const name of readdirSync(layout.roots)) {
    const file = path.join(layout.roots, name);
    const roots = readRoots(file);
    if (roots === null || statSync(roots.targetDir, { throwIfNoEntry: false })?.isDirectory() !== true) {
      if (drop) unlinkSync(file);
      continue;
    }
    const used = statSync(file).mtimeMs;
    for (const unit of Object.values(roots.units)) {
      unit.outputs.forEach((output, index) => {
        kept.set(output, Math.max(kept.get(output) ?? 0, index === 0 ? used : 0));
      });
    }
  }
  return { kept };
}

function readRoots(file: string): RootsFile | null {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
  const roots = value as Partial<RootsFile> | null;
  if (roots?.version !== 1 || typeof roots.targetDir !== 'string') return null;
  if (typeof roots.units !== 'object' || roots.units === null) return null;
  return Object.values(roots.units).every(isRootUnit) ? (roots as RootsFile) : null;
}

function isRootUnit(value: unknown): boolean {
  const unit = value as Partial<RootUnit> | null;
  if (unit?.lane !== 'pure' && unit?.lane !== 'dev') return false;
  return (
    Array.isArray(unit.outputs) && unit.outputs.every((one) => typeof one === 'string' && parseStorePath(one) !== null)
  );
}

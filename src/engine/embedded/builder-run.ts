/** One run of a builder in its sandbox: mounts held and marked, inputs staged, the end judged. */
import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { type HeldMounts, holdMounts } from '../../mounts/hold.ts';
import type { Derivation, StorePath } from '../../nix/types.ts';
import type { OutputHandle } from '../../store/types.ts';
import { removeTree } from '../../sys/copy.ts';
import { supervise } from '../../sys/supervise.ts';
import type { Attempt } from '../executor.ts';
import { explainRefusal } from './bwrap.ts';
import { inputsOf } from './inputs.ts';
import { passedAsFile, sandboxCommand } from './sandbox.ts';
import { fillDependencies, fillStage } from './stage.ts';
import { type Workshop, waiting } from './workshop.ts';

/** Where `$out` lies within rustc's state: links between the two are possible on one mount only. */
const outInState = '.out';
const incrementalPlace = '/incremental';
/** Exit codes after which rustc has left its state as it should be. 98: the builder never started it. */
const cleanCodes = new Set<number | null>([0, 1, 98]);
/** A shell's word for a child that SIGKILL ended, such as the kernel's when memory is short. */
const killedCode = 137;

export interface BuilderRun {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lines: readonly string[];
}

/** Runs the builder; afterwards all that it wrote to `$out` lies in `handle.directory`. */
export async function runBuilder(shop: Workshop, attempt: Attempt, handle: OutputHandle): Promise<BuilderRun> {
  const { goal } = attempt;
  const held = await waiting(attempt, (options) => holdMounts(goal.mounts, options));
  const stage = shop.places.freshStage();
  let clean = true;
  let crashed = false;
  let marked: Promise<void> = Promise.resolve();
  try {
    for (const mount of held.mounts) if (mount.dropped) attempt.stateDropped(mount.directory);
    const state = await stateOnSameFileSystem(held, handle);
    const outDirectory = state === null ? handle.directory : path.join(state, outInState);
    try {
      // The disk writes the mark while the stage is filled.
      marked = held.mark(goal.sealed.drvPath);
      marked.catch(() => {});
      mkdirSync(stage);
      const inputs = inputsOf(shop.store, attempt);
      const dependencies = dependenciesOf(goal.sealed.derivation);
      const filled = dependencies.length === 0 ? null : filledOf(stage);
      if (filled !== null) fillDependencies(filled, dependencies, inputs);
      const named = namedBy(goal.sealed.derivation);
      const storeBinds = fillStage(
        stage,
        inputs.filter(({ path: input, bound }) => bound || named(input)),
        goal.sealed.outPath,
      );
      const command = sandboxCommand({
        derivation: goal.sealed.derivation,
        outPath: goal.sealed.outPath,
        outDirectory,
        stage,
        etc: shop.places.etc,
        storeBinds,
        dependencies: filled,
        attributeFiles: writeAttributes(goal.sealed.derivation, stage),
        views: goal.views.map((view) => ({ from: shop.store.hostPath(view.source), to: view.target })),
        mounts: held.mounts.map((mount) => ({ from: mount.directory, to: mount.grant.target, ro: mount.grant.ro })),
        jobserver: shop.places.jobserver,
        outInMount: state === null ? null : `${incrementalPlace}/${outInState}`,
        cores: shop.cores,
        seccompFd: shop.isolation === 'full' && shop.places.seccomp !== null ? 3 : null,
        isolation: shop.isolation,
      });
      await marked;
      await attempt.mayRun();
      clean = false;
      const run = await runSandbox(shop, attempt, command, () => [
        outDirectory,
        handle.directory,
        shop.store.hostPath(goal.sealed.outPath),
      ]);
      if (run.code === 0) attempt.hasRun();
      clean = cleanCodes.has(run.code);
      crashed = !clean && run.code !== null && run.code !== killedCode;
      // One step, onto the empty directory: the early file is always to be found in one of the two.
      if (state !== null) renameSync(outDirectory, handle.directory);
      return run;
    } finally {
      if (state !== null) await removeTree(outDirectory);
    }
  } finally {
    await marked.catch(() => {});
    held.release(clean, crashed);
    shop.later(removeTree(stage));
    shop.later(removeTree(attributesOf(stage)));
    shop.later(removeTree(filledOf(stage)));
  }
}

/** The builder's list of files for `/build/deps` (docs/architecture.md). */
function dependenciesOf(derivation: Derivation): readonly string[] {
  return (derivation.env['dependencies'] ?? '').split(' ').filter((file) => file !== '');
}

/** Which inputs the builder can find in the store: not those of which `/build/deps` has all that it uses. */
function namedBy({ env, args, inputSrcs }: Derivation): (input: StorePath) => boolean {
  const { dependencies: _, ...others } = env;
  const text = [...args, ...inputSrcs, ...Object.values(others)].join('\n');
  return (input) => text.includes(input);
}

function filledOf(stage: string): string {
  return `${stage}.deps`;
}

function attributesOf(stage: string): string {
  return `${stage}.attributes`;
}

/** Variables that are too long for an environment, as files beside the stage (Nix manual: `passAsFile`). */
function writeAttributes(derivation: Derivation, stage: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const name of passedAsFile(derivation)) {
    const file = path.join(attributesOf(stage), String(files.size));
    if (files.size === 0) mkdirSync(attributesOf(stage));
    writeFileSync(file, derivation.env[name] ?? '');
    files.set(name, file);
  }
  return files;
}

async function runSandbox(
  shop: Workshop,
  attempt: Attempt,
  command: ReturnType<typeof sandboxCommand>,
  locations: () => readonly string[],
): Promise<BuilderRun> {
  const lines: string[] = [];
  const own: string[] = [];
  const filter = shop.isolation === 'full' ? shop.places.seccomp : null;
  attempt.started();
  const end = await supervise({
    program: shop.bwrap,
    args: command.args,
    env: command.env,
    files: filter === null ? [] : [filter],
    signal: attempt.signal,
    onLine: (line) => {
      lines.push(line);
      if (line.startsWith('bwrap: ')) own.push(line.slice('bwrap: '.length));
      attempt.line(line);
      if (attempt.goal.earlyFile !== null && announcesMetadata(line)) attempt.early(locations);
    },
  });
  if (end.code === 1 && own.length > 0) {
    const refusal = explainRefusal(own.join('; '));
    if (refusal !== null) throw refusal;
  }
  return { ...end, lines };
}

/** rustc's message that the metadata file is complete (`--json=artifacts`). */
function announcesMetadata(line: string): boolean {
  return line.startsWith('{"$message_type":"artifact"') && line.endsWith('"emit":"metadata"}');
}

/**
 * The directory mounted at `/incremental` if `$out` can be a part of it, made ready for that; null: there is none, or it
 * lies on another file system than the store. rustc links objects between state and output, which two mounts forbid: it
 * would copy all of them.
 */
async function stateOnSameFileSystem(held: HeldMounts, handle: OutputHandle): Promise<string | null> {
  const mount = held.mounts.find(({ grant }) => grant.target === incrementalPlace && !grant.ro);
  if (mount === undefined || mount.grant.sharing === 'shared') return null;
  if (statSync(mount.directory).dev !== statSync(handle.directory).dev) return null;
  const out = path.join(mount.directory, outInState);
  await removeTree(out);
  mkdirSync(out);
  return mount.directory;
}

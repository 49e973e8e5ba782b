/** The builders: one shell program for each step, put together from the files of `builder/`. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { SourceInput } from '../engine/types.ts';
import { textPath } from '../nix/store-path.ts';

/** What a derivation does: it compiles, or it runs a build script. */
export type Step = 'compile' | 'run';

/** By step: the builder's text as an input of the derivation. */
export type Builders = Readonly<Record<Step, SourceInput>>;

const parts: Readonly<Record<Step, readonly string[]>> = {
  compile: ['common.sh', 'compile.sh'],
  run: ['common.sh', 'directives.sh', 'run.sh'],
};

/** What the builders are called as inputs. */
export const builderNames: readonly string[] = Object.keys(parts).map((step) => `${step}.sh`);

/** The files of which the builders in `directory` are made. */
export function builderFiles(directory: string): readonly string[] {
  return [...new Set(Object.values(parts).flat())].map((name) => path.join(directory, name));
}

/** Reads the builders in `directory`. */
export function readBuilders(directory: string): Builders {
  return { compile: readBuilder(directory, 'compile'), run: readBuilder(directory, 'run') };
}

function readBuilder(directory: string, step: Step): SourceInput {
  const text = parts[step].map((name) => fs.readFileSync(path.join(directory, name), 'utf8')).join('\n');
  return { kind: 'text', path: textPath(`${step}.sh`, text), text };
}

/** cargo's answer to a question, kept while nothing changes that it rests on: to ask it takes longer than to plan. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Stamped, stampOf, stampsSince, unchangedSince } from '../sys/stamps.ts';
import type { Answer, CargoRequest } from './cargo-process.ts';
import type { DiskCache } from './disk-cache.ts';
import { graphArguments } from './invocation.ts';
import type { Workspace } from './types.ts';
import { watchedFiles } from './watched.ts';

/** Changes with the form of what is kept. */
const form = 1;

/** Variables on which cargo's answer may depend (cargo book, "Environment Variables"), and where programs and files are. */
const counts = /^(_*CARGO_|RUST|HOME$|PATH$)/;

/** One question of one workspace; only the last answer is kept, so that they do not become many. */
export interface Remembered {
  /** The answer; null: none, or something has changed since. */
  recall(): Answer | null;
  /** `startedOn`: when the asking began, in milliseconds since the epoch. */
  keep(answer: Answer, workspace: Workspace, startedOn: number): void;
}

interface Kept {
  readonly circumstances: string;
  readonly watched: Stamped;
  /** What cargo writes when it is asked and `cargo clean` removes: a `target/` without it is not as cargo leaves it. */
  readonly written: string | null;
  readonly answer: Answer;
}

export function rememberedAnswer(cache: DiskCache, request: CargoRequest): Remembered {
  const { invocation } = request;
  const key = [form, invocation.cwd, invocation.verb, invocation.globalArguments, graphArguments(invocation)];
  const environment = Object.entries(request.environment).filter(([name]) => counts.test(name));
  const circumstances = JSON.stringify([
    [request.cargo, stampOf(request.cargo), request.channel, request.overrides],
    environment.sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
  return {
    recall() {
      const kept = cache.read('answer', key) as Kept | null;
      if (kept?.circumstances !== circumstances || !unchangedSince(kept.watched)) return null;
      if (kept.written !== null && !existsSync(kept.written)) return null;
      return kept.answer;
    },
    keep(answer, workspace, startedOn) {
      const { files, directories } = watchedFiles(workspace);
      const outside = [...workspace.packages.values()].filter(({ source }) => source.kind === 'git');
      const manifests = outside.map(({ manifestPath }) => manifestPath);
      const watched = stampsSince(startedOn, [...files, ...directories, ...manifests]);
      if (watched === null) return;
      const info = join(workspace.buildDir, '.rustc_info.json');
      const written = existsSync(info) ? info : null;
      cache.write('answer', key, { circumstances, watched, written, answer } satisfies Kept);
    },
  };
}

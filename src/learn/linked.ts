/** Files of the workspace that a build script tells linkers of: the builder keeps what it finds of them for dependents. */
import * as path from 'node:path';
import type { BuildOutput } from '../cargo/build-output.ts';
import { workspacePlace } from '../plan/places.ts';
import type { PlannedUnit } from '../plan/types.ts';
import { statFile } from '../sources/file-stat.ts';
import { linkable, linkableBelow } from '../sources/linkable.ts';
import { isWithin, type Shown, toHost } from './lessons.ts';

/** Entries of a record, relative to `shown.root`: files, and directories in which linkers search. */
export function linkInputs(output: BuildOutput, unit: PlannedUnit, shown: Shown): string[] {
  const member = unit.goal.sealed.derivation.env['place'] === workspacePlace;
  const base = member ? shown.root : unit.package.root;
  const searched = output.searchPaths.map((entry) => entry.replace(/^(?:native|crate|dependency|framework|all)=/, ''));
  const named = output.linkArgs.flatMap(({ argument }) => /^[^/]*(\/[^,]+)/.exec(argument)?.[1] ?? []);
  const found = new Set<string>();
  for (const name of [...searched, ...named]) {
    const file = toHost(name, unit, [base])[0] ?? name;
    if (!isWithin(file, shown.root) || shown.written.some((directory) => isWithin(file, directory))) continue;
    const relative = path.relative(shown.root, file);
    const kind = statFile(file)?.kind;
    if (kind === 'directory') found.add(path.join(relative, linkableBelow));
    else if (kind === 'file') found.add(relative);
  }
  return [...found].sort();
}

/** Those of `entries` of which something exists on the host that was not shown. */
export function linkInputsMissed(entries: readonly string[], { root, files }: Shown): string[] {
  if (files === null) return [];
  return entries.filter((entry) => {
    if (path.basename(entry) !== linkableBelow) return !files.has(entry);
    const there = linkable(path.join(root, path.dirname(entry)));
    return there.some((file) => !files.has(path.relative(root, file)));
  });
}

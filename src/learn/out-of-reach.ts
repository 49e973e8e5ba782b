/** Why a build script may have failed here and not under cargo: its failure itself has been reported. */
import type { BuilderExit } from '../engine/types.ts';
import type { PlannedUnit } from '../plan/types.ts';
import { UserError } from '../sys/errors.ts';
import { filesOutOfReach, looksLikeMissingFile, type Shown } from './lessons.ts';

/** As programs and libraries say that there is no network. */
const noNetwork =
  /network is unreachable|could not resolve host|name resolution|failed to lookup address|name or service not known|dns error|could not connect|couldn't connect/i;

/** As rustc, linkers and build scripts say that a disk is full; a linker that writes through memory is killed for it. */
const noRoom = /no space left on device|disk quota exceeded|signal 7\b|SIGBUS/i;

/** Whether a unit has failed because a disk was full. */
export function saysNoRoom({ code, lines }: Pick<BuilderExit, 'code' | 'lines'>): boolean {
  return code === 135 || lines.some((line) => noRoom.test(line));
}

/** By what the failed script printed; null: nothing of it speaks of the sandbox. */
export function outOfReach(lines: readonly string[], unit: PlannedUnit, shown: Shown): UserError | null {
  const script = `the build script of \`${unit.package.name} ${unit.package.version}\``;
  if (lines.some((line) => noNetwork.test(line))) {
    return new UserError(
      'D0306',
      `${script} wanted the network, which no sandbox has`,
      'fetch what it wants beforehand and keep it in the package, or set what its documentation has for builds without a network',
    );
  }
  if (lines.some((line) => /read-only file system|\(os error 30\)/i.test(line))) {
    return new UserError(
      'D0308',
      `${script} wanted to write elsewhere than to OUT_DIR, and its sandbox lets it write nowhere else`,
      'have it write to OUT_DIR, and include what it made from there:  include!(concat!(env!("OUT_DIR"), "/made.rs"))',
    );
  }
  // A registry's package is what it is: nothing can be put into it.
  if (shown.files === null) return null;
  const inputs = 'Cargo.toml:  [package.metadata.drydock]  inputs = ["../path/to/it"]';
  const [file] = filesOutOfReach(lines, unit, shown);
  if (file !== undefined) {
    return new UserError(
      'D0305',
      `${script} names a file that its sandbox does not have\n  wanted:  ${file}`,
      `keep the file in the package or the workspace; there, what no \`rerun-if-changed\` names is allowed in ${inputs}`,
    );
  }
  if (!looksLikeMissingFile(lines)) return null;
  return new UserError(
    'D0307',
    `${script} looked for something that its sandbox does not have, and did not say what`,
    `it sees the package's files and the programs of the system, no home directory and no \`.git\`; what it reads elsewhere in the workspace is allowed in ${inputs}`,
  );
}

/** What cargo warns of before the first unit starts: it follows from the unit graph alone. */
import * as path from 'node:path';
import { describePackage } from '../cargo/describe.ts';
import { crateName, isLibrary, isLinkable, isRun, kindOf } from '../plan/target.ts';
import type { Plan, PlannedUnit, UnitId } from '../plan/types.ts';
import { type Places, unitDirectory, upliftPath } from '../target/places.ts';

export interface Caution {
  readonly title: string;
  readonly notes: readonly string[];
}

const collisionNotes = [
  'note: this may become a hard error in the future; see <https://github.com/rust-lang/cargo/issues/6313>',
  'help: consider changing their names to be unique or compiling them separately',
];

/** Units whose files have the same name in `target/` (cargo: `check_collisions`), whether they are built or not. */
export function collisions(plan: Plan, places: Places): readonly Caution[] {
  const seen = new Map<string, PlannedUnit>();
  const found: Caution[] = [];
  const take = (file: string, unit: PlannedUnit): void => {
    const other = seen.get(file);
    seen.set(file, unit);
    if (other === undefined) return;
    const note = `note: the ${name(unit)} has the same output filename as the ${name(other)}`;
    found.push({ title: `output filename collision at ${file}`, notes: [note, ...collisionNotes] });
  };
  const units = plan.units.filter(({ unit }) => !isRun(unit));
  for (const unit of units.sort(inOrderOfPackages)) {
    for (const file of unit.files) {
      take(path.join(unitDirectory(places, unit), file.name), unit);
      const uplifted = upliftPath(places, unit, file);
      if (uplifted !== null) take(uplifted, unit);
    }
  }
  return found;
}

/** Units to be built that depend on a library without any form that Rust code can link to (cargo: `build_deps_args`). */
export function missingLinkables(plan: Plan, stale: ReadonlySet<UnitId>): readonly Caution[] {
  return plan.units.flatMap((unit) => {
    if (!stale.has(unit.id) || isRun(unit.unit)) return [];
    const libraries = unit.dependencies.flatMap((id) => {
      const dependency = plan.byId.get(id);
      return dependency !== undefined && isLibrary(dependency.unit.target) ? [dependency.unit.target] : [];
    });
    const [first] = libraries;
    if (first === undefined || libraries.some(isLinkable)) return [];
    const notes = [
      `note: this might cause \`${crateName(unit.unit.target)}\` to fail compilation`,
      'note: this warning might turn into a hard error in the future',
      `help: consider adding 'dylib' or 'rlib' to key 'crate-type' in \`${crateName(first)}\`'s Cargo.toml`,
    ];
    return [{ title: `the package \`${crateName(first)}\` provides no linkable target`, notes }];
  });
}

function name({ unit, package: pkg }: PlannedUnit): string {
  const kind = kindOf(unit.target);
  const words: Readonly<Record<string, string>> = { test: 'integration-test', 'custom-build': 'build-script' };
  const word = isLibrary(unit.target) ? 'lib' : (words[kind] ?? kind);
  return `${word} target \`${unit.target.name}\` in package \`${describePackage(pkg)}\``;
}

function inOrderOfPackages(a: PlannedUnit, b: PlannedUnit): number {
  const key = ({ package: pkg, unit }: PlannedUnit) =>
    `${pkg.name}\0${pkg.version}\0${kindOf(unit.target)}\0${unit.target.name}`;
  return key(a) < key(b) ? -1 : 1;
}

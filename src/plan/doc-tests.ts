/** Units that test documentation: what rustdoc is told of the build (cargo's `build_runner/mod.rs`, `Doctest`). */
import * as path from 'node:path';
import { checkCfgArguments, featureArguments } from './arguments.ts';
import { externArguments } from './externs.ts';
import type { Facts } from './facts.ts';
import { buildRoot } from './layout.ts';
import { ltoArguments } from './lto.ts';
import { depsPlace } from './places.ts';
import { isProcMacro } from './target.ts';
import type { DocTest, UnitId } from './types.ts';

export function docTests(facts: Facts): readonly DocTest[] {
  return facts.graph.roots.flatMap((index) => (facts.unit(index).mode === 'doctest' ? [docTest(facts, index)] : []));
}

function docTest(facts: Facts, index: number): DocTest {
  const unit = facts.unit(index);
  const pkg = facts.package(index);
  const deps = (platform: string | null) => path.join(buildRoot(facts.workspace, platform), 'deps');
  return {
    unit,
    package: pkg,
    dependencies: unit.dependencies.map((dependency) => facts.ids[dependency.index] as UnitId),
    arguments: [
      ...externs(facts, index, deps),
      ...(isProcMacro(unit.target) ? ['--extern', 'proc_macro'] : []),
      '-L',
      `dependency=${deps(unit.platform)}`,
      ...(unit.platform === null ? [] : ['-L', `dependency=${deps(null)}`]),
      ...ltoArguments(facts.lto(index)),
      ...featureArguments(unit),
      ...checkCfgArguments(pkg),
    ],
  };
}

/** Dependencies of its own platform and those of the host (procedural macros) lie in directories of their own. */
function externs(facts: Facts, index: number, deps: (platform: string | null) => string): readonly string[] {
  const unit = facts.unit(index);
  return unit.dependencies.flatMap((dependency) => {
    const alone = { ...unit, dependencies: [dependency] };
    const place = deps(facts.unit(dependency.index).platform);
    return externArguments(facts.graph, alone, facts.files).map((word) => word.replace(`=${depsPlace}/`, `=${place}/`));
  });
}

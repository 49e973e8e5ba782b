/**
 * Many random changes to one workspace, each built by plain cargo and by drydock; what is built must behave alike. The
 * seed decides everything: `DRYDOCK_RANDOM_SEED` (and `DRYDOCK_RANDOM_STEPS`) repeat or extend a run.
 */
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { type Environment, Place, type Project } from '../e2e/support.ts';
import { lay, observe } from './observed.ts';
import { Chance, changes, filesOf, first, type Tree } from './random-tree.ts';

const seed = Number(process.env['DRYDOCK_RANDOM_SEED'] ?? 20261125);
const steps = Number(process.env['DRYDOCK_RANDOM_STEPS'] ?? 200);
const place = new Place('random');

/** How both are called. */
interface Call {
  features: readonly string[];
  profile: readonly string[];
  targets: readonly string[];
  environment: Environment;
}

test(`${steps} steps from seed ${seed}`, { timeout: 3 * 3_600_000 }, async () => {
  const chance = new Chance(seed);
  const [ours, theirs] = [place.project('ours', {}), place.project('theirs', {})];
  let tree = structuredClone(first);
  const call: Call = { features: [], profile: [], targets: ['--workspace'], environment: {} };
  const states: Tree[] = [];
  const history: string[] = [];
  for (let step = 0; step < steps; step++) {
    const done = step === 0 ? 'start' : await change();
    for (const project of [ours, theirs]) lay(project, filesOf(tree));
    const args = [...call.targets, ...call.profile, ...call.features];
    history.push(`${step}: ${done}; build ${args.join(' ')} ${JSON.stringify(call.environment)}`);
    const expected = await observe(theirs, 'cargo', args, call.environment);
    const seen = await observe(ours, 'drydock', args, call.environment);
    expect(seen, history.slice(-12).join('\n')).toEqual(expected);
  }

  async function change(): Promise<string> {
    // What was broken is mended, mostly by going on from an earlier state.
    if (tree.broken !== 'nothing' && chance.below(3) > 0) tree.broken = 'nothing';
    switch (chance.below(12)) {
      case 0:
      case 1:
        if (states.length === 0) break;
        tree = structuredClone(chance.one(states));
        return 'an earlier state';
      case 2:
        call.features = chance.one([[], ['--features', 'app/extra'], ['--all-features']]);
        return 'features';
      case 3:
        call.profile = chance.one([
          [],
          [],
          ['--release'],
          ['--profile', 'fast'],
          ['--config', 'profile.dev.opt-level=1'],
        ]);
        return 'profile';
      case 4:
        call.targets = chance.one([
          ['--workspace'],
          ['--workspace', '--all-targets'],
          ['-p', 'app', '--tests'],
          ['-p', 'mid'],
        ]);
        return 'targets';
      case 5:
        call.environment = chance.one([{}, { RANDOM_EDIT: 'a' }, { RANDOM_EDIT: 'b' }, { RANDOM_SCRIPT: 'c' }]);
        return 'variables';
      case 6:
        return meddle(ours, chance);
    }
    states.push(structuredClone(tree));
    const name = chance.one(Object.keys(changes));
    changes[name]?.(tree, chance);
    return name;
  }
});

/**
 * What people and programs do to a target directory. Of rustc's own state only all of a crate's is taken: single files of
 * it are trusted by rustc itself.
 */
async function meddle(project: Project, chance: Chance): Promise<string> {
  const target = project.at('target');
  const all = fs.existsSync(target) ? fs.readdirSync(target, { recursive: true, encoding: 'utf8' }).sort() : [];
  const found = all.filter((name) => !/\/incremental\/[^/]+\//.test(name));
  const kind = chance.one(['clean', 'clean -p', 'cargo build', 'remove', 'remove', 'write', 'touch']);
  const victim = found.length === 0 ? null : path.join(target, chance.one(found));
  if (kind === 'clean') await project.cargo(['clean']);
  else if (kind === 'clean -p') await project.cargo(['clean', '-p', chance.one(['core-part', 'mid', 'app'])]);
  else if (kind === 'cargo build') await project.cargo(['build', '--workspace']);
  else if (victim !== null) {
    if (kind === 'remove') fs.rmSync(victim, { recursive: true });
    else if (fs.statSync(victim).isFile() && kind === 'write') {
      fs.chmodSync(victim, 0o755);
      fs.appendFileSync(victim, 'spoiled');
    } else fs.utimesSync(victim, new Date(), new Date());
  }
  return `${kind} ${victim === null ? '' : path.relative(target, victim)}`;
}

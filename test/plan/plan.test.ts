import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describePlan } from '../../src/plan/describe.ts';
import { planUnits } from '../../src/plan/plan.ts';
import type { Plan, PlannedUnit } from '../../src/plan/types.ts';
import { callerEnvironment, makeProject, type Project } from '../oracle/project.ts';
import { emptyRecord, optionsFor, planOf, workspaceOf } from './support.ts';

const files = {
  '.cargo/config.toml': '[env]\nHERE = { value = "sub", relative = true }\n',
  'Cargo.toml':
    '[package]\nname = "top"\nversion = "0.1.0"\nedition = "2021"\n[features]\nextra = []\n[dependencies]\nlower = { path = "lower" }\nmac = { path = "mac" }\nitoa = "1"\n[workspace]\n',
  'build.rs': 'fn main() {}\n',
  'src/lib.rs': 'pub fn f() {}\n',
  'src/main.rs': 'fn main() { top::f() }\n',
  'lower/Cargo.toml': '[package]\nname = "lower"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\nitoa = "1"\n',
  'lower/src/lib.rs': 'pub fn f() {}\n',
  'mac/Cargo.toml':
    '[package]\nname = "mac"\nversion = "0.1.0"\nedition = "2021"\n[lib]\nproc-macro = true\n[dependencies]\nitoa = "1"\n',
  'mac/src/lib.rs': '',
};

const projects: Project[] = [];
let one: Project;
let other: Project;
let dev: Plan;
beforeAll(async () => {
  one = project();
  other = project();
  dev = (await planOf(one.root, ['build'], callerEnvironment())).plan;
});
afterAll(() => {
  for (const each of projects) each.remove();
});

function project(change: Readonly<Record<string, string>> = {}): Project {
  const made = makeProject({ ...files, ...change });
  projects.push(made);
  return made;
}

function find(plan: Plan, name: string, kind: string, mode = 'build'): PlannedUnit {
  const unit = plan.units.find(
    (each) => each.package.name === name && each.unit.target.kind[0] === kind && each.unit.mode === mode,
  );
  if (unit === undefined) throw new Error(`no unit ${name} ${kind} ${mode}`);
  return unit;
}

const ids = (plan: Plan): readonly string[] => plan.units.map((unit) => unit.id);
const drvPaths = (units: readonly PlannedUnit[]): readonly string[] => units.map((unit) => unit.goal.sealed.drvPath);
const pure = (plan: Plan): readonly PlannedUnit[] => plan.units.filter((unit) => unit.lane === 'pure');

test('units have identities of their own, dependencies first, and a row each', () => {
  expect(new Set(ids(dev)).size).toBe(dev.units.length);
  for (const [at, unit] of dev.units.entries()) {
    expect(unit.id).toMatch(/^[0-9a-f]{16}$/);
    for (const id of unit.dependencies) expect(ids(dev).slice(0, at)).toContain(id);
  }
  const row = describePlan(dev).find(({ target }) => target === 'mac');
  expect(row).toMatchObject({ kind: ['proc-macro'], mode: 'build', lane: 'dev' });
  expect(row?.drvPath).toMatch(/^\/nix\/store\/[0-9a-z]{32}-mac-0\.1\.0-[0-9a-f]{16}\.drv$/);
});

test('two checkouts agree on identities and on pure derivations', async () => {
  const { plan } = await planOf(other.root, ['build'], callerEnvironment());
  expect(ids(plan)).toEqual(ids(dev));
  expect(pure(dev).length).toBeGreaterThan(0);
  expect(drvPaths(pure(plan))).toEqual(drvPaths(pure(dev)));
  for (const unit of pure(dev)) expect(unit.goal.sealed.aterm).not.toContain(one.root);
  expect(find(plan, 'top', 'bin').goal.sealed.drvPath).not.toBe(find(dev, 'top', 'bin').goal.sealed.drvPath);
});

test('under --pure two checkouts agree on everything, and nothing knows either', async () => {
  const plans = await Promise.all(
    [one, other].map(async ({ root }) => (await planOf(root, ['build', '--pure'], callerEnvironment())).plan),
  );
  const [a, b] = plans as [Plan, Plan];
  expect(drvPaths(a.units)).toEqual(drvPaths(b.units));
  for (const { goal, lane } of a.units) {
    expect(lane).toBe('pure');
    expect(goal.mounts).toEqual([]);
    expect(goal.views).toEqual([]);
    expect(goal.sealed.derivation.env['storeViews']).toBeUndefined();
    expect(goal.sealed.aterm).not.toContain(one.root);
    expect(goal.sealed.aterm).not.toContain('incremental=');
  }
});

test('a change of what runs build scripts changes the run and what depends on it, nothing else', async () => {
  const workspace = await workspaceOf(one.root, ['build'], callerEnvironment());
  const options = await optionsFor(workspace);
  const run = { ...options.builders.run, path: options.builders.compile.path };
  const changed = planUnits(workspace, { ...options, builders: { ...options.builders, run } });
  const differ = changed.units.filter(({ goal }, at) => goal.sealed.drvPath !== dev.units[at]?.goal.sealed.drvPath);
  expect(differ.map(({ package: { name }, unit }) => [name, unit.target.kind[0], unit.mode])).toEqual([
    ['top', 'custom-build', 'run-custom-build'],
    ['top', 'lib', 'build'],
    ['top', 'bin', 'build'],
  ]);
});

test('a unit of the workspace declares its mount, owner and scope; its real path is shown', () => {
  const library = find(dev, 'top', 'lib');
  const { env } = library.goal.sealed.derivation;
  const id = `incremental/top-${library.id}`;
  expect(JSON.parse(env['cacheMounts'] ?? '')).toEqual([{ id, target: '/incremental', sharing: 'locked', ro: false }]);
  expect(env).toMatchObject({ owner: '1000', scope: 'scope', directory: '/build/ws', place: '/build/ws' });
  expect(library.goal.mounts[0]).toMatchObject({
    directory: path.join(one.root, 'target/debug', id),
    transactional: true,
  });
  expect(library.goal.views).toEqual([{ source: library.source.path, target: one.root }]);
  // For the daemon's hook; what moves with an edit is seen where it does not.
  const moving = (env['movingDependencies'] ?? '').split(' ').map((file) => path.dirname(file));
  const identity = (output: string) => output.slice(output.lastIndexOf('-') + 1);
  expect(moving.length).toBeGreaterThan(0);
  expect(JSON.parse(env['storeViews'] ?? '')).toEqual({
    ...Object.fromEntries(moving.map((output) => [`/deps/${identity(output)}`, output])),
    [one.root]: library.source.path,
  });
  expect(library.environment['CARGO_MANIFEST_DIR']).toBe(one.root);
  expect(library.arguments).toContain('incremental=/incremental');
});

test('an edit changes the derivation and not the identity; a file that no unit reads changes nothing', async () => {
  const edited = project();
  const before = (await planOf(edited.root, ['build'], callerEnvironment())).plan;
  fs.writeFileSync(path.join(edited.root, 'README'), 'text');
  const unread = (await planOf(edited.root, ['build'], callerEnvironment())).plan;
  expect(find(unread, 'lower', 'lib').goal.sealed.drvPath).toBe(find(before, 'lower', 'lib').goal.sealed.drvPath);
  fs.writeFileSync(path.join(edited.root, 'lower/src/lib.rs'), 'pub fn f() { let _ = 1; }\n');
  const after = (await planOf(edited.root, ['build'], callerEnvironment())).plan;
  expect(ids(after)).toEqual(ids(before));
  expect(find(after, 'lower', 'lib').goal.sealed.drvPath).not.toBe(find(before, 'lower', 'lib').goal.sealed.drvPath);
  expect(find(after, 'top', 'bin').goal.sealed.drvPath).not.toBe(find(before, 'top', 'bin').goal.sealed.drvPath);
  expect(find(after, 'mac', 'proc-macro').goal.sealed.drvPath).toBe(
    find(before, 'mac', 'proc-macro').goal.sealed.drvPath,
  );
});

test('features and profiles give other identities, flags for rustc as well', async () => {
  const variants = await Promise.all([
    planOf(one.root, ['build', '--features', 'extra'], callerEnvironment()),
    planOf(one.root, ['build', '--release'], callerEnvironment()),
    planOf(one.root, ['build'], { ...callerEnvironment(), RUSTFLAGS: '--cfg x' }),
  ]);
  const found = [dev, ...variants.map(({ plan }) => plan)].map((plan) => find(plan, 'top', 'bin').id);
  expect(new Set(found).size).toBe(4);
});

test('libraries wait for metadata, linkers for the whole, macros are whole and hide what is below', () => {
  const stages = (unit: PlannedUnit): Record<string, string> =>
    Object.fromEntries(
      unit.goal.needs.map(({ key, stage }) => {
        const need = dev.units.find((each) => each.id === key);
        return [`${need?.package.name} ${need?.unit.target.kind[0]} ${need?.unit.mode}`, stage];
      }),
    );
  expect(stages(find(dev, 'top', 'lib'))).toEqual({
    'itoa lib build': 'early',
    'lower lib build': 'early',
    'mac proc-macro build': 'whole',
    'top custom-build run-custom-build': 'whole',
  });
  expect(stages(find(dev, 'top', 'bin'))).toMatchObject({ 'itoa lib build': 'whole', 'top lib build': 'whole' });
  expect(stages(find(dev, 'top', 'custom-build', 'run-custom-build'))).toEqual({ 'top custom-build build': 'whole' });
  expect(find(dev, 'top', 'lib').goal.earlyFile).toMatch(/^libtop-[0-9a-f]{16}\.rmeta$/);
  expect(find(dev, 'top', 'bin').goal.earlyFile).toBeNull();
});

test('a variable of the caller is given to the unit that has asked for it, and to no other', async () => {
  const environment = { ...callerEnvironment(), WANTED: 'yes', PATH: process.env['PATH'] ?? '' };
  const workspace = await workspaceOf(one.root, ['build'], environment);
  const { id } = find(dev, 'top', 'bin');
  const records = new Map([[id as string, { ...emptyRecord, env: ['WANTED', 'PATH', 'UNSET'] }]]);
  const plan = planUnits(workspace, await optionsFor(workspace, records));
  expect(find(plan, 'top', 'bin').environment['WANTED']).toBe('yes');
  expect(find(plan, 'top', 'bin').environment).not.toHaveProperty('PATH');
  expect(find(plan, 'top', 'bin').environment).not.toHaveProperty('UNSET');
  expect(find(plan, 'top', 'lib').environment).not.toHaveProperty('WANTED');
});

test('only units that link or run know the host compiler', () => {
  const linked = dev.units.filter((unit) => unit.goal.sealed.derivation.env['hostTools'] !== undefined);
  expect(linked.map((unit) => `${unit.package.name} ${unit.unit.mode}`).sort()).toEqual([
    'mac build',
    'top build',
    'top build',
    'top run-custom-build',
  ]);
});

test('a wrapper around rustc is an input by its contents, one that caches is left out', async () => {
  const tools = fs.mkdtempSync(path.join(os.tmpdir(), 'drydock-plan-tools-'));
  const planWith = async (name: string, text: string) => {
    const wrapper = path.join(tools, name);
    fs.writeFileSync(wrapper, text, { mode: 0o755 });
    return (await planOf(one.root, ['build'], { ...callerEnvironment(), RUSTC_WRAPPER: wrapper })).plan;
  };
  const drvs = (plan: Plan) => plan.units.map((unit) => unit.goal.sealed.drvPath);
  const plain = (await planOf(one.root, ['build'], callerEnvironment())).plan;
  const wrapped = await planWith('wrap', '#!/bin/sh\nexec "$@"\n');
  for (const unit of wrapped.units.filter(({ unit: { mode } }) => mode === 'build')) {
    const { derivation } = unit.goal.sealed;
    expect(derivation.env['program']).toMatch(/-wrap\/bin\/wrap$/);
    expect(derivation.env['arguments']).toMatch(/^'?(\/nix\/store\/[^ ]+\/bin\/)?rustc'? /);
    expect(derivation.env['hostTools']).toBeDefined();
  }
  expect(wrapped.units.map(({ id }) => id)).toEqual(plain.units.map(({ id }) => id));
  const other = drvs(await planWith('wrap', '#!/bin/sh\nexec "$@" # other\n'));
  expect(other.filter((drv) => drvs(wrapped).includes(drv))).toEqual([]);
  expect(drvs(await planWith('sccache', '#!/bin/sh\nexec "$@"\n'))).toEqual(drvs(plain));
  fs.rmSync(tools, { recursive: true });
});

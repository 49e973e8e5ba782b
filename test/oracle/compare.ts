/**
 * Holds a plan against the commands of `cargo build -vv`. What may differ is written here and nowhere else:
 * - identities (`-C metadata`, `-C extra-filename`, and the same in file names);
 * - places of the sandbox stand for real paths (`pathMap`), the toolchain's store path for its sysroot;
 * - `-C incremental` names the mount; `-L dependency` is one directory for host and target;
 * - `--cap-lints` is `allow` under `-vv` too, where cargo says `warn`;
 * - `CARGO_PRIMARY_PACKAGE` and what a manifest says in words are told only to units that read it;
 * - `--diagnostic-width` is never said; `LD_LIBRARY_PATH` is composed at run time;
 * - cargo prints neither what a child merely inherits (the caller's variables) nor control characters in a value;
 * - without rustup, cargo finds rustc and rustdoc on `PATH` and names them so; a plan names the files;
 * - what build scripts add is known at run time: flags at the end, `OUT_DIR`, `rustc-env`, `DEP_*`, `NUM_JOBS`.
 */
import { createHash } from 'node:crypto';
import * as path from 'node:path';
import type { Workspace } from '../../src/cargo/types.ts';
import { workspacePlace } from '../../src/plan/places.ts';
import type { Plan, PlannedUnit } from '../../src/plan/types.ts';
import type { Command } from './commands.ts';

const onDemand: ReadonlySet<string> = new Set([
  'CARGO_PRIMARY_PACKAGE',
  ...['DESCRIPTION', 'HOMEPAGE', 'REPOSITORY', 'LICENSE', 'LICENSE_FILE', 'AUTHORS', 'RUST_VERSION', 'README'].map(
    (name) => `CARGO_PKG_${name}`,
  ),
]);

interface Line {
  readonly name: string;
  readonly run: boolean;
  readonly label: string;
  readonly arguments: readonly string[];
  readonly environment: ReadonlyMap<string, string>;
  /** Something of a build script may stand at the end. */
  readonly scripted: boolean;
  /** Nothing is left to be added at run time. */
  readonly finished: boolean;
}

/** Every difference, one line each; empty: the plan says what cargo does. */
export function differences(workspace: Workspace, plan: Plan, commands: readonly Command[]): readonly string[] {
  const units = plan.units.filter((unit) => !unit.overridden);
  return differencesOfLines(
    units.map((unit) => planned(workspace, unit)),
    commands.map((command) => observed(workspace, command)),
  );
}

/**
 * The same for what drydock says that it ran: with everything that is known at run time. Of `LD_LIBRARY_PATH` only
 * directories below `target/` count: the rest is the caller's, or holds uplifted libraries.
 */
export function differencesOfRuns(
  workspace: Workspace,
  drydock: readonly Command[],
  cargo: readonly Command[],
): readonly string[] {
  const lines = (commands: readonly Command[]): readonly Line[] =>
    commands.filter(isOfUnit).map((command) => {
      const line = observed(workspace, command);
      const told = [...line.environment].filter(([name, value]) => workspace.environment[name] !== value);
      return { ...line, environment: new Map(told), scripted: false, finished: true };
    });
  return differencesOfLines(lines(drydock), lines(cargo));
}

/** What repeats the declared output of a build script knows no package; cargo starts nothing for it. */
function isOfUnit({ environment }: Command): boolean {
  return environment.has('CARGO_PKG_NAME');
}

function differencesOfLines(planned: readonly Line[], observed: readonly Line[]): readonly string[] {
  const ours = label(planned);
  const theirs = label(observed);
  const found: string[] = [];
  if (ours.length !== theirs.length) found.push(`units: ${ours.length} planned, ${theirs.length} run by cargo`);
  const left = new Set(theirs);
  for (const line of ours) {
    const candidates = [...left].filter((other) => other.label === line.label);
    const compared = candidates.map((other) => ({ other, problems: compareLines(line, other) }));
    const best = compared.sort((a, b) => a.problems.length - b.problems.length)[0];
    if (best === undefined) {
      const near = [...left].find((other) => other.name === line.name && other.run === line.run);
      found.push(`${line.name}: no such command of cargo's`, ...(near === undefined ? [] : compareLines(line, near)));
      continue;
    }
    left.delete(best.other);
    found.push(...best.problems.map((problem) => `${line.name}: ${problem}`));
  }
  for (const other of left) found.push(`${other.name}: only cargo runs it: ${other.arguments.join(' ')}`);
  return found;
}

function planned(workspace: Workspace, unit: PlannedUnit): Line {
  const { sysroot } = workspace.toolchain;
  const real = (text: string): string => {
    let result = text;
    for (const [sandbox, host] of unit.pathMap) result = replacePath(result, sandbox, host);
    result = replacePath(result, workspacePlace, workspace.root);
    return result.replaceAll(/\/nix\/store\/[a-z0-9]{32}-rust-[^/]+/g, sysroot);
  };
  const incremental = unit.goal.mounts[0]?.directory;
  const args = unit.arguments.map((argument) => {
    if (argument === 'incremental=/incremental') return `incremental=${path.dirname(incremental ?? '')}`;
    return real(argument);
  });
  const inherited = Object.entries(unit.environment).filter(([name, value]) => workspace.environment[name] === value);
  const environment = new Map(
    Object.entries(unit.environment).map(([name, value]) => [name, real(value).replaceAll('\u001f', '')]),
  );
  for (const [name] of inherited) environment.delete(name);
  for (const name of onDemand) environment.delete(name);
  const { derivation } = unit.goal.sealed;
  return {
    name: nameOf(environment),
    run: unit.unit.mode === 'run-custom-build',
    label: '',
    arguments: normalise(workspace, args),
    environment,
    scripted: (derivation.env['script'] ?? '') !== '' || (derivation.env['linkScripts'] ?? '') !== '',
    finished: false,
  };
}

function observed(workspace: Workspace, command: Command): Line {
  const run = path.basename(command.program) !== 'rustc';
  return {
    name: nameOf(command.environment),
    run,
    label: '',
    arguments: normalise(
      workspace,
      command.arguments.filter((argument) => !argument.startsWith('--diagnostic-width=')).map(capAllowing),
    ),
    environment: new Map(
      [...command.environment]
        .filter(([name]) => !onDemand.has(name))
        .map(([name, value]) => [name, shown(workspace, name, value)]),
    ),
    scripted: true,
    finished: false,
  };
}

/** `--cap-lints warn` is how `-vv` asks for warnings of dependencies; the value follows the flag. */
function capAllowing(argument: string, index: number, all: readonly string[]): string {
  return all[index - 1] === '--cap-lints' && argument === 'warn' ? 'allow' : argument;
}

function shown({ toolchain }: Workspace, name: string, value: string): string {
  const bare = (name === 'RUSTC' || name === 'RUSTDOC') && !value.includes('/');
  return bare ? path.join(toolchain.sysroot, 'bin', value) : value.replaceAll('\u001f', '');
}

function nameOf(environment: ReadonlyMap<string, string>): string {
  const version = environment.get('CARGO_PKG_VERSION') ?? '';
  return `${environment.get('CARGO_PKG_NAME')} ${version} ${environment.get('CARGO_CRATE_NAME') ?? '(run)'}`;
}

/** One directory for all dependencies; the second `-L dependency` of a cross build has nothing to add then. */
function normalise(workspace: Workspace, args: readonly string[]): readonly string[] {
  const result: string[] = [];
  const deps = new RegExp(`${escape(workspace.buildDir)}/(?:[^/]+/)?${escape(workspace.profileDir)}/deps`);
  for (const argument of args) {
    const text = argument.replace(deps, '$DEPS');
    const repeated = text === 'dependency=$DEPS' && result.includes(text);
    if (repeated) result.pop();
    else result.push(text);
  }
  return result;
}

/** Gives each line a label by what it says of itself, and puts labels where identities of other units stand. */
function label(lines: readonly Line[]): readonly Line[] {
  const byIdentity = new Map<string, string>();
  const labelled = lines.map((line) => {
    const own = line.run ? runKey(line) : ownKey(line);
    const name = `<${line.name}:${createHash('sha256').update(own).digest('hex').slice(0, 8)}>`;
    for (const argument of line.arguments) {
      const identity = /^extra-filename=-([0-9a-f]{16})$/.exec(argument)?.[1];
      if (identity !== undefined) byIdentity.set(identity, name);
    }
    return { ...line, label: name };
  });
  return labelled.map((line) => ({
    ...line,
    environment: new Map([...line.environment].map(([name, value]) => [name, withoutIdentity(value)])),
    arguments: line.arguments.map((argument) => {
      if (/^(?:metadata=|extra-filename=-)[0-9a-f]{16}$/.test(argument)) return argument.replace(/[0-9a-f]{16}$/, '#');
      return withoutIdentity(argument).replace(
        /-([0-9a-f]{16})(?=\.)/,
        (_, identity: string) => byIdentity.get(identity) ?? '-?',
      );
    }),
  }));
}

/** Directories below `target/` that are named by an identity. */
function withoutIdentity(text: string): string {
  return text
    .replaceAll(/(\/(?:build|incremental)\/[^/:=]+)-[0-9a-f]{16}/g, '$1-#')
    .replace(/(\/incremental)\/[^/]+-#$/, '$1');
}

/** All that stands before the dependencies, without identities. */
function ownKey(line: Line): string {
  const end = line.arguments.indexOf('-L');
  const own = line.arguments.slice(0, end < 0 ? undefined : end);
  return own
    .filter((argument) => !/^(?:metadata=|extra-filename=)/.test(argument))
    .map((argument) => withoutIdentity(argument))
    .join('\0');
}

function runKey(line: Line): string {
  const names = [...line.environment].filter(([name]) => /^CARGO_FEATURE_|^TARGET$|^OPT_LEVEL$/.test(name));
  return JSON.stringify([line.name, names.map(([name, value]) => `${name}=${value}`).sort()]);
}

function compareLines(ours: Line, theirs: Line): readonly string[] {
  const problems: string[] = [];
  const rest = theirs.arguments.slice(ours.arguments.length);
  const at = ours.arguments.findIndex((argument, index) => argument !== theirs.arguments[index]);
  if (at >= 0) problems.push(`argument ${at}: planned ${ours.arguments[at]}, cargo ${theirs.arguments[at] ?? 'none'}`);
  else if (rest.length > 0 && (ours.finished || !(ours.scripted && isScriptPart(rest))))
    problems.push(`cargo adds ${rest.join(' ')}`);

  for (const [name, value] of ours.environment) {
    if (name === 'LD_LIBRARY_PATH') continue;
    const other = theirs.environment.get(name);
    if (other !== value) problems.push(`${name}: planned ${JSON.stringify(value)}, cargo ${JSON.stringify(other)}`);
  }
  for (const [name, value] of theirs.environment) {
    if (ours.environment.has(name) || name === 'LD_LIBRARY_PATH') continue;
    if (ours.finished) problems.push(`${name}: not set, cargo ${JSON.stringify(value)}`);
    else if (!(ours.run ? /^(OUT_DIR|NUM_JOBS|DEP_.+)$/.test(name) : ours.scripted))
      problems.push(`${name}: not planned, cargo ${JSON.stringify(value)}`);
  }
  if (ours.finished) {
    const [mine, cargos] = [ours, theirs].map(builtLibraries);
    if (mine !== cargos) problems.push(`LD_LIBRARY_PATH: ${mine}, cargo ${cargos}`);
  }
  return problems;
}

/** Directories of build scripts among those where libraries are looked up. */
function builtLibraries(line: Line): string {
  const directories = (line.environment.get('LD_LIBRARY_PATH') ?? '').split(':');
  return directories.filter((directory) => directory.includes('/build/')).join(':');
}

function isScriptPart(rest: readonly string[]): boolean {
  for (let index = 0; index < rest.length; index += 2) {
    const [flag, value = ''] = rest.slice(index, index + 2);
    const known = flag === '-L' || flag === '-l' || flag === '--cfg' || flag === '--check-cfg';
    if (!known && !(flag === '-C' && value.startsWith('link-arg='))) return false;
  }
  return true;
}

function replacePath(text: string, from: string, to: string): string {
  return text.replace(new RegExp(`${escape(from)}(?=/|$)`, 'g'), () => to);
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

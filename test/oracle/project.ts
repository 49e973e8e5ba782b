/** Small projects in directories of their own, and what cargo does with them. */
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Command, readCommands } from './commands.ts';

export interface Project {
  readonly root: string;
  readonly environment: Readonly<Record<string, string>>;
  remove(): void;
}

/** Writes the files and returns where; `environment`: added to the caller's for cargo and for the plan. */
export function makeProject(
  files: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>> = {},
): Project {
  const root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'drydock-oracle-')));
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(root, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  }
  return { root, environment, remove: () => fs.rmSync(root, { recursive: true, force: true }) };
}

/** Runs `cargo build -vv` (or another verb) in a fresh target directory and reads what it ran. Throws when it fails. */
export function cargoCommands(
  project: Project,
  cargoArguments: readonly string[],
  verb: string = 'build',
): readonly Command[] {
  fs.rmSync(path.join(project.root, 'target'), { recursive: true, force: true });
  const result = spawnSync('cargo', [verb, '-vv', '--color', 'never', ...cargoArguments], {
    cwd: project.root,
    env: { ...callerEnvironment(), ...project.environment },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (result.status !== 0) throw new Error(`cargo ${verb} failed:\n${result.stderr}`);
  return readCommands(result.stderr);
}

/** The same of `drydock build -vv`, in a fresh target directory as well. `store`: an empty one, so that every unit is run. */
export function drydockCommands(
  project: Project,
  args: readonly string[],
  store: string,
  verb: string = 'build',
): readonly Command[] {
  fs.rmSync(path.join(project.root, 'target'), { recursive: true, force: true });
  const program = fileURLToPath(new URL('../../dist/drydock.mjs', import.meta.url));
  const argv = [program, verb, '-vv', '--color', 'never', '--store', store, ...args];
  const result = spawnSync(process.execPath, argv, {
    cwd: project.root,
    env: { ...callerEnvironment(), ...project.environment },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (result.status !== 0) throw new Error(`drydock ${verb} failed:\n${result.stderr}`);
  return readCommands(result.stderr);
}

/** The environment of this process without what would decide for cargo. */
export function callerEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).flatMap(([name, value]): [string, string][] => {
    const decides = /^(CARGO_(?!HOME$)|RUSTFLAGS$|RUSTC|NODE_|VITEST)/.test(name);
    return value === undefined || decides ? [] : [[name, value]];
  });
  return Object.fromEntries(entries);
}

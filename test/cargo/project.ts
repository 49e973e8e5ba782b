/** Real crates in a temporary directory, read through real cargo. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { parseInvocation } from '../../src/cargo/invocation.ts';
import type { Package, Workspace } from '../../src/cargo/types.ts';
import { type CargoFailure, readWorkspace } from '../../src/cargo/workspace.ts';
import type { Result } from '../../src/sys/errors.ts';
import { run } from '../../src/sys/run.ts';

export interface Reading {
  readonly result: Result<Workspace, CargoFailure>;
  readonly stderr: string;
}

export interface Project {
  readonly root: string;
  readonly environment: Readonly<Record<string, string>>;
  write(files: Readonly<Record<string, string>>): void;
  read(argv: readonly string[], environment?: Readonly<Record<string, string>>): Promise<Reading>;
  /** Reads and expects success. */
  workspace(argv: readonly string[], environment?: Readonly<Record<string, string>>): Promise<Workspace>;
  /** Plain cargo with the same arguments. */
  cargo(argv: readonly string[]): Promise<{ code: number | null; stderr: string }>;
}

/** A directory that goes away with the test. */
export function temporaryDirectory(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'drydock-cargo-')));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** The project lies in `<temporary>/project`, cargo's home beside it, so that nothing of the user's is read. */
export function makeProject(files: Readonly<Record<string, string>>): Project {
  const top = temporaryDirectory();
  const root = join(top, 'project');
  const inherited = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || /^(CARGO|RUSTC|RUSTFLAGS)/.test(name) ? [] : [[name, value] as const],
  );
  const environment: Record<string, string> = {
    ...Object.fromEntries(inherited),
    RUSTUP_HOME: process.env['RUSTUP_HOME'] ?? join(process.env['HOME'] ?? '/', '.rustup'),
    CARGO_HOME: join(top, 'cargo-home'),
  };
  const write: Project['write'] = (more) => {
    for (const [name, text] of Object.entries(more)) {
      const path = join(root, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
  };
  write(files);
  const read: Project['read'] = async (argv, extra = {}) => {
    let stderr = '';
    const sink = { write: (text: string) => void (stderr += text), isTerminal: false, columns: 80, inherited: false };
    const invocation = parseInvocation(argv, root);
    const result = await readWorkspace(
      invocation,
      { ...environment, ...extra },
      { cacheDir: join(top, 'cache'), stderr: sink },
    );
    return { result, stderr };
  };
  return {
    root,
    environment,
    write,
    read,
    async workspace(argv, extra) {
      const { result, stderr } = await read(argv, extra);
      if (!result.ok) throw new Error(`cargo failed with ${result.failure.exitCode}: ${stderr}`);
      return result.value;
    },
    async cargo(argv) {
      const { code, stderr } = await run('cargo', argv, { cwd: root, env: environment });
      return { code, stderr: stderr.toString() };
    },
  };
}

export function packageNamed(workspace: Workspace, name: string): Package {
  const found = [...workspace.packages.values()].find((pkg) => pkg.name === name);
  if (!found) throw new Error(`no package ${name}`);
  return found;
}

export const manifest = (name: string, rest = '') =>
  `[package]\nname = "${name}"\nversion = "0.1.0"\nedition = "2021"\n${rest}`;

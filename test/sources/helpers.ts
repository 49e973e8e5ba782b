/** Temporary packages and the requests that a plan would make for them. */
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterAll } from 'vitest';
import type { Package, PackageSource } from '../../src/cargo/types.ts';
import { openSources } from '../../src/sources/open.ts';
import type { SourceClosure, SourceRequest, Sources, UnitRecord } from '../../src/sources/types.ts';

const made: string[] = [];
afterAll(() => {
  for (const directory of made.splice(0)) fs.rmSync(directory, { recursive: true, force: true });
});

/** An empty directory that is named without links; removed when the test file ends. */
export function temporary(): string {
  const directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'drydock-sources-')));
  made.push(directory);
  return directory;
}

/** Writes files (relative path -> text) and gives the directory. */
export function lay(files: Readonly<Record<string, string>>, directory = temporary()): string {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(directory, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
  }
  return directory;
}

export const nothingLearned: UnitRecord = { files: [], wholePackage: false, env: [], rerun: null, shell: false };

export function packageAt(root: string, change: Partial<Package> = {}): Package {
  return {
    id: `path+file://${root}#demo@0.1.0`,
    name: 'demo',
    version: '0.1.0',
    root,
    manifestPath: path.join(root, 'Cargo.toml'),
    source: { kind: 'path', member: true } satisfies PackageSource,
    registry: null,
    authors: [],
    description: '',
    homepage: '',
    repository: '',
    license: '',
    licenseFile: '',
    readme: '',
    rustVersion: '',
    links: null,
    features: [],
    lintFlags: [],
    targets: [],
    metadata: null,
    ...change,
  };
}

export interface Opened {
  readonly sources: Sources;
  readonly cacheDir: string;
}

export function openAt(workspaceRoot: string, cacheDir = temporary()): Opened {
  const sources = openSources({ workspaceRoot, cacheDir, cargoHome: path.join(cacheDir, 'cargo-home') });
  return { sources, cacheDir };
}

export interface Wanted extends Partial<Omit<SourceRequest, 'record'>> {
  readonly package: Package;
  readonly record?: Partial<UnitRecord>;
}

/** A request for the library at `src/lib.rs`, unless told otherwise. */
export function request(wanted: Wanted): SourceRequest {
  return {
    purpose: 'compile',
    entry: path.join(wanted.package.root, 'src/lib.rs'),
    macroReadsFiles: false,
    ...wanted,
    record: { ...nothingLearned, ...wanted.record },
  };
}

/** Names of the files in the tree, sorted. */
export function names(closure: SourceClosure): string[] {
  if (closure.input.kind !== 'tree') throw new Error(`no tree: ${closure.input.kind}`);
  return [...closure.input.files.keys()].sort();
}

/** The files that rustc reads for a crate root, relative to `root`: its own dep-info. */
export function readByRustc(root: string, entry: string): string[] {
  const out = path.join(temporary(), 'out.d');
  const options = ['--crate-type=lib', '--edition=2021', '--cap-lints=allow', `--emit=dep-info=${out}`, entry];
  const env = { ...process.env, CARGO_MANIFEST_DIR: root, RUSTUP_AUTO_INSTALL: '0' };
  execFileSync('rustc', options, { cwd: root, env, stdio: ['ignore', 'ignore', 'pipe'] });
  const rule = /: (.*)/.exec(fs.readFileSync(out, 'utf8'))?.[1] ?? '';
  return rule
    .split(' ')
    .map((file) => path.relative(root, path.resolve(root, file)))
    .sort();
}

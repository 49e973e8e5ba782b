/**
 * Which programs beside the toolchain building calls: those of the machine's Nix store are inputs; of the host's own
 * compiler, linker and C library the contents count, in one word.
 */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { DiskCache } from '../cargo/disk-cache.ts';
import { onPath } from '../cargo/programs.ts';
import { run } from '../sys/run.ts';
import { hostPath } from './draft.ts';
import { hostFile } from './host-files.ts';
import { inputsOf, type NixTools } from './nix-tools.ts';
import { inCallersOrder } from './search-order.ts';
import type { Tools } from './types.ts';

const programs = ['cc', 'gcc', 'clang', 'ld', 'ld.lld', 'as', 'ar'];
/** What the compiler driver starts and links without being told; it is asked where they are. */
const driverPrograms = ['cc1', 'collect2'];
const driverFiles = ['libc.so.6', 'libc.so', 'libc.a', 'libm.so.6', 'crt1.o', 'crti.o', 'libgcc.a', 'libgcc_s.so.1'];

/** What the builder itself calls. The last is the one that runs it, wherever `PATH` leads. */
const builderPrograms = [
  'env',
  'cp',
  'ln',
  'mkdir',
  'rm',
  'chmod',
  'cat',
  'cmp',
  'find',
  'touch',
  'tail',
  'tar',
  'gzip',
  'sh',
  '/bin/sh',
];

/**
 * Looks the tools up by the caller's `PATH` where they lie in a Nix store, else as the sandbox will. `linkers`: those that
 * the configuration names; `rustflags`: these may name others.
 */
export async function readTools(
  linkers: readonly (string | null)[],
  rustflags: readonly string[],
  environment: Readonly<Record<string, string>>,
  cache: DiskCache,
  nix: NixTools,
): Promise<Tools> {
  const configured = [...new Set(linkers)].filter((linker) => linker !== null);
  const wanted = [...programs, ...configured, ...rustflags.flatMap(linkersIn), ...builderPrograms];
  const found = wanted.map((name) => {
    const file = onPath(name, environment);
    const tool = file === null ? null : nix.find(file);
    return file === null || tool === null ? null : { file, tool };
  });
  const inStore = new Set(wanted.filter((_, index) => found[index] !== null));
  const ofHost = (name: string): boolean => !inStore.has(name);
  const byPath = found.filter((each, index) => each !== null && !path.isAbsolute(wanted[index] ?? ''));
  const named = byPath.filter((each) => each !== null);
  return {
    identity: await identityOf(programs.filter(ofHost), configured.filter(ofHost), cache),
    inputs: inputsOf(found.flatMap((each) => each?.tool ?? [])),
    found: named,
    directories: inCallersOrder(named, environment),
  };
}

/** What `-C linker=…` and `-fuse-ld=…` start. */
function linkersIn(flag: string): readonly string[] {
  const [, linker] = /^(?:-C)?linker=(.+)$/.exec(flag) ?? [];
  const [, behind] = /-fuse-ld=([\w.+-]+)/.exec(flag) ?? [];
  return [...(linker === undefined ? [] : [linker]), ...(behind === undefined ? [] : [`ld.${behind}`])];
}

/**
 * Identity of the host's tools, for the hash of units that link or run. Contents are read once; from then on stats are
 * enough. A tool that is not there is part of the identity as well.
 */
async function identityOf(names: readonly string[], linkers: readonly string[], cache: DiskCache): Promise<string> {
  const named = [...names.map((program) => find(program) ?? program), ...linkers.map((each) => find(each) ?? each)];
  const driver = names.includes('cc') ? find('cc') : null;
  if (!names.includes('cc') && named.every((file) => hostFile('/', file) === null)) return '';
  const stamps = named.map((file) => [file, hostFile('/', file)?.stamp ?? null]);
  const asked = driver === null ? [] : await askDriver(driver, stamps, cache);
  const all = [...named, ...asked];
  const key = all.map((file) => [file, hostFile('/', file)?.stamp ?? null]);
  const before = cache.read('host-tools', key);
  if (typeof before === 'string') return before;
  const hash = createHash('sha256');
  for (const file of all) hash.update(`${path.basename(file)}\0${contentHash(file) ?? 'none'}\0`);
  const identity = hash.digest('hex');
  cache.write('host-tools', key, identity);
  return identity;
}

/** Full paths of the driver's helpers and of the C library. */
async function askDriver(driver: string, stamps: unknown, cache: DiskCache): Promise<readonly string[]> {
  const before = cache.read('host-tools-driver', [driver, stamps]);
  if (Array.isArray(before)) return before.map(String);
  const questions = [
    ...driverPrograms.map((name) => `-print-prog-name=${name}`),
    ...driverFiles.map((name) => `-print-file-name=${name}`),
  ];
  const answers = await Promise.all(questions.map((question) => run(driver, [question])));
  const files = answers
    .map((answer) => answer.stdout.toString('utf8').trim())
    .filter((file) => path.isAbsolute(file) && hostFile('/', file) !== null);
  cache.write('host-tools-driver', [driver, stamps], files);
  return files;
}

/** Looks a program up as the sandbox will. */
function find(program: string): string | null {
  if (path.isAbsolute(program)) return program;
  for (const directory of hostPath) {
    const candidate = path.join(directory, program);
    if (hostFile('/', candidate) !== null) return candidate;
  }
  return null;
}

function contentHash(file: string): string | null {
  if (hostFile('/', file) === null) return null;
  return createHash('sha256').update(fs.readFileSync(file)).digest('hex');
}

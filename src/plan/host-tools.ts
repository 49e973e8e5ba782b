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
import { inputsOf, type NixTool, type NixTools } from './nix-tools.ts';
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
 * the configuration names.
 */
export async function readTools(
  linkers: readonly (string | null)[],
  environment: Readonly<Record<string, string>>,
  cache: DiskCache,
  nix: NixTools,
): Promise<Tools> {
  const configured = [...new Set(linkers)].filter((linker) => linker !== null);
  const wanted = [...programs, ...configured, ...builderPrograms];
  const found = await Promise.all(
    wanted.map(async (name) => {
      const file = onPath(name, environment);
      const tool = file === null ? null : await nix.find(file);
      return file === null || tool === null ? null : { file, tool };
    }),
  );
  const inStore = new Set(wanted.filter((_, index) => found[index] !== null));
  const ofHost = (name: string): boolean => !inStore.has(name);
  const named = found.filter((_, index) => !path.isAbsolute(wanted[index] ?? ''));
  return {
    identity: await identityOf(programs.filter(ofHost), configured.filter(ofHost), cache),
    inputs: inputsOf(found.flatMap((each) => each?.tool ?? [])),
    directories: inCallersOrder(
      named.filter((each) => each !== null),
      environment,
    ),
  };
}

interface Found {
  /** As `PATH` leads to it. */
  readonly file: string;
  readonly tool: NixTool;
}

/** The directories of these tools, before or after the host's as the caller's `PATH` has them. */
function inCallersOrder(found: readonly Found[], environment: Readonly<Record<string, string>>): readonly string[] {
  const order = (environment['PATH'] ?? '').split(path.delimiter);
  const host = order.findIndex((directory) => hostPath.includes(directory));
  const places = found
    .map(({ file, tool }) => ({ at: order.indexOf(path.dirname(file)), directory: path.dirname(tool.file) }))
    .sort((one, other) => one.at - other.at);
  const before = places.filter(({ at }) => host === -1 || at < host).map(({ directory }) => directory);
  return [...new Set([...before, ...hostPath, ...places.map(({ directory }) => directory)])];
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

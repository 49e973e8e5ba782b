/** Which compiler, linker and C library of the host a link uses: their contents, in one word. */
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { DiskCache } from '../cargo/disk-cache.ts';
import { run } from '../sys/run.ts';
import { hostPath } from './draft.ts';
import { hostFile } from './host-files.ts';

const programs = ['cc', 'gcc', 'clang', 'ld', 'ld.lld', 'as', 'ar'];
/** What the compiler driver starts and links without being told; it is asked where they are. */
const driverPrograms = ['cc1', 'collect2'];
const driverFiles = ['libc.so.6', 'libc.so', 'libc.a', 'libm.so.6', 'crt1.o', 'crti.o', 'libgcc.a', 'libgcc_s.so.1'];

/**
 * Identity of the host's tools, for the hash of units that link or run. `linkers`: those that the configuration names.
 * Contents are read once; from then on stats are enough. A tool that is not there is part of the identity as well.
 */
export async function hostToolsIdentity(linkers: readonly (string | null)[], cache: DiskCache): Promise<string> {
  const configured = linkers.flatMap((linker) => (linker === null ? [] : (find(linker) ?? linker)));
  const named = [...programs.map((program) => find(program) ?? program), ...new Set(configured)];
  const driver = find('cc');
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

/** The hook's two programs: the shell's test, and the privileged one, compiled here from its source. */
import { chmodSync, cpSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../sys/errors.ts';
import { run } from '../../sys/run.ts';

export const filterName = 'pre-build-hook';
export const programName = 'drydock-hook';
/** The directory of the program's source. */
const sourceName = 'source';

/** The source's files, relative to where the programs lie. */
export function sourceNames(): readonly string[] {
  return sourcesIn(path.dirname(sourceFile(sourceName)));
}

/** The same of a directory in which the programs lie, which may be those of another drydock. */
export function sourcesIn(home: string): readonly string[] {
  const root = path.join(home, sourceName);
  if (!existsSync(root)) return [];
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(home, path.join(entry.parentPath, entry.name)));
}

/** Beside this file, or in `hook/` beside the bundle. */
function sourceFile(name: string): string {
  const places = ['./', './hook/'].map((place) => fileURLToPath(new URL(`${place}${name}`, import.meta.url)));
  return places.find((file) => existsSync(file)) ?? places[0] ?? name;
}

/**
 * Puts filter, program and the program's source into `stage`, as they will work when they lie in `home`. `limits`: the
 * administrator's file. Needs rustc and a linker, nothing else; `UserError` D1101 where there is none.
 */
export async function compileHook(stage: string, home: string, limits: string): Promise<void> {
  const source = path.join(sourceFile(sourceName), 'hook.rs');
  const output = path.join(stage, programName);
  const compile = (more: readonly string[]) =>
    run(
      'rustc',
      ['--edition=2021', '-O', '-Cpanic=abort', '-Cstrip=symbols', ...more, '-o', output, '--crate-name=hook', source],
      { cwd: stage },
    );
  // Without a loader and libraries that an upgrade of the system could take away, where the machine can link like this.
  const fixed = await compile(['-Ctarget-feature=+crt-static']);
  const made = fixed.code === 0 ? fixed : await compile([]);
  if (made.code !== 0) {
    const why = made.startError?.message ?? made.stderr.toString().trim();
    throw new UserError(
      'D1101',
      `the hook's program could not be compiled\n${why}`,
      'install Rust (https://rustup.rs) and a C linker (gcc); only this command needs them, the daemon does not',
    );
  }
  cpSync(sourceFile(sourceName), path.join(stage, sourceName), { recursive: true });
  const filter = readFileSync(sourceFile(`${filterName}.sh`), 'utf8')
    .replaceAll('@program@', path.join(home, programName))
    .replaceAll('@conf@', limits);
  writeFileSync(path.join(stage, filterName), filter);
  for (const name of [filterName, programName]) chmodSync(path.join(stage, name), 0o755);
}

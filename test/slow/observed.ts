/** A random workspace on disk, and what one sees of a build of it, whoever builds. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import type { Environment, Project } from '../e2e/support.ts';

/** What one sees of a build: how it ended, its warnings, and what each executable does. */
export interface Seen {
  readonly code: number | null;
  readonly warnings: readonly string[];
  readonly executables: Readonly<Record<string, string>>;
}

interface Message {
  readonly reason: string;
  readonly executable?: string | null;
  readonly target?: { readonly name: string; readonly kind: readonly string[] };
  readonly profile?: { readonly test: boolean };
  readonly message?: { readonly rendered: string };
}

/** Makes the project's files these, touching only what differs. */
export function lay(project: Project, files: Readonly<Record<string, string>>): void {
  const known = fs.existsSync(project.root) ? listed(project.root, '') : [];
  for (const name of known) if (files[name] === undefined) fs.rmSync(project.at(name));
  for (const [name, text] of Object.entries(files)) {
    if (!project.exists(name) || project.read(name) !== text) project.write({ [name]: text });
  }
}

function listed(root: string, below: string): string[] {
  return fs.readdirSync(path.join(root, below), { withFileTypes: true }).flatMap((entry) => {
    const name = path.join(below, entry.name);
    if (entry.isDirectory()) return name === 'target' ? [] : listed(root, name);
    return name === 'Cargo.lock' ? [] : [name];
  });
}

/** Builds, and runs every executable that the build names. */
export async function observe(
  project: Project,
  who: 'cargo' | 'drydock',
  args: readonly string[],
  environment: Environment,
): Promise<Seen> {
  const built = await project[who](['build', '--message-format=json', '--offline', ...args], environment);
  const code = built.code;
  // A build that fails may have come to other packages before.
  if (code !== 0) return { code, warnings: [], executables: {} };
  const messages = built.stdout
    .split('\n')
    .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Message] : []));
  const warnings = messages.flatMap(({ message }) => (message === undefined ? [] : [message.rendered])).sort();
  const executables: Record<string, string> = {};
  for (const { executable, target, profile } of messages) {
    if (typeof executable !== 'string' || target === undefined) continue;
    const args = profile?.test === true ? ['--nocapture', '--test-threads=1'] : [];
    const ended = await project.run(executable, args);
    const said = ended.stdout.replaceAll(/finished in [\d.]+s/g, '');
    executables[`${target.kind.join()} ${target.name} ${profile?.test}`] = `${ended.code ?? ended.signal} ${said}`;
  }
  return { code, warnings, executables };
}

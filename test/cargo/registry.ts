/** A registry of our own: packages made by `cargo package`, served from files or over a local socket. */
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { run } from '../../src/sys/run.ts';
import type { Project } from './project.ts';

export interface Crate {
  readonly name: string;
  /** The `.crate` file. */
  readonly archive: string;
  readonly sha256: string;
}

/** Packs a package of the project that lies in `directory`. */
export async function pack(project: Project, directory: string, name: string): Promise<Crate> {
  const cwd = join(project.root, directory);
  const args = ['package', '--no-verify', '--allow-dirty', '--offline', '--quiet'];
  const { code, stderr } = await run('cargo', args, { cwd, env: project.environment });
  if (code !== 0) throw new Error(stderr.toString());
  const archive = join(cwd, `target/package/${name}-0.1.0.crate`);
  return { name, archive, sha256: createHash('sha256').update(readFileSync(archive)).digest('hex') };
}

/** The line of a registry's index for a crate without dependencies. */
export function indexLine(crate: Crate): string {
  return `${JSON.stringify({
    name: crate.name,
    vers: '0.1.0',
    deps: [],
    cksum: crate.sha256,
    features: {},
    yanked: false,
  })}\n`;
}

/** The path of a crate's file in an index: names of four letters and more. */
export function indexPath(name: string): string {
  return `${name.slice(0, 2)}/${name.slice(2, 4)}/${name}`;
}

/** A `local-registry` directory. */
export function localRegistry(directory: string, crate: Crate): void {
  const index = join(directory, 'index', indexPath(crate.name));
  mkdirSync(dirname(index), { recursive: true });
  writeFileSync(index, indexLine(crate));
  copyFileSync(crate.archive, join(directory, `${crate.name}-0.1.0.crate`));
}

/** A sparse registry on a local port; answers its index URL for the configuration. */
export async function sparseRegistry(crate: Crate): Promise<string> {
  const server = createServer((request, response) => {
    const { port } = server.address() as AddressInfo;
    if (request.url === '/config.json') response.end(JSON.stringify({ dl: `http://127.0.0.1:${port}/dl` }));
    else if (request.url === `/${indexPath(crate.name)}`) response.end(indexLine(crate));
    else if (request.url?.startsWith('/dl/')) response.end(readFileSync(crate.archive));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `sparse+http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** A git repository of all files in a directory; answers its commit. */
export async function gitRepository(directory: string): Promise<string> {
  const git = async (...args: string[]) => {
    const identity = ['-c', 'user.name=t', '-c', 'user.email=t@t'];
    const { code, stdout, stderr } = await run('git', [...identity, ...args], { cwd: directory });
    if (code !== 0) throw new Error(stderr.toString());
    return stdout.toString().trim();
  };
  await git('init', '-q');
  await git('add', '.');
  await git('commit', '-qm', 'all');
  return git('rev-parse', 'HEAD');
}

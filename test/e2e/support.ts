/** The command as it is installed, on real crates in directories of their own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

export const program = fileURLToPath(new URL('../../dist/drydock.mjs', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Built extends Ended {
  /** What was compiled or run, `name (kind)`, sorted; what was fresh is not in it. */
  readonly compiled: readonly string[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Processes of a test have nothing of the caller's settings. */
function inherited(): Record<string, string> {
  const entries = Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !/^(CARGO_|RUSTC|RUSTFLAGS|RUST_|DRYDOCK_|XDG_|CI$|NODE_|VITEST|npm_)/.test(entry[0]),
  );
  const home = process.env['HOME'] ?? '/';
  return {
    RUSTUP_HOME: path.join(home, '.rustup'),
    ...Object.fromEntries(entries),
    // No rustup of a test may install a toolchain.
    RUSTUP_AUTO_INSTALL: '0',
  };
}

/** A directory that goes away with the tests of the file that asks for it. */
export function temporaryDirectory(name: string): string {
  const directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), `drydock-${name}-`)));
  afterAll(() => {
    // Directories of a store are read-only.
    if (fs.existsSync(directory)) execFileSync('chmod', ['-R', 'u+w', directory]);
    fs.rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/** A store, a cache and a home of cargo's, shared by the projects of one file. */
export class Place {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;

  constructor(name: string) {
    this.directory = temporaryDirectory(name);
    this.environment = {
      ...inherited(),
      CARGO_HOME: path.join(this.directory, 'cargo-home'),
      XDG_CACHE_HOME: path.join(this.directory, 'cache'),
      XDG_DATA_HOME: path.join(this.directory, 'data'),
    };
  }

  get store(): string {
    return path.join(this.directory, 'data/drydock');
  }

  project(name: string, files: Readonly<Record<string, string>>): Project {
    const project = new Project(this, path.join(this.directory, name));
    project.write(files);
    return project;
  }
}

export class Project {
  readonly place: Place;
  readonly root: string;

  constructor(place: Place, root: string) {
    this.place = place;
    this.root = root;
  }

  at(name: string): string {
    return path.join(this.root, name);
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
      fs.mkdirSync(path.dirname(this.at(name)), { recursive: true });
      fs.writeFileSync(this.at(name), text);
    }
  }

  read(name: string): string {
    return fs.readFileSync(this.at(name), 'utf8');
  }

  exists(name: string): boolean {
    return fs.existsSync(this.at(name));
  }

  remove(name: string): void {
    fs.rmSync(this.at(name), { recursive: true });
  }

  edit(name: string, from: string, to: string): void {
    const text = this.read(name);
    if (!text.includes(from)) throw new Error(`${name} does not hold ${from}`);
    this.write({ [name]: text.replace(from, to) });
  }

  /** Makes the file's time a later one, its contents stay. */
  touch(name: string): void {
    const later = new Date(Date.now() + 2000);
    fs.utimesSync(this.at(name), later, later);
  }

  /** `drydock` with these words. */
  drydock(args: readonly string[], environment: Environment = {}): Promise<Ended> {
    return this.#run(process.execPath, [program, ...args], environment);
  }

  cargo(args: readonly string[], environment: Environment = {}): Promise<Ended> {
    return this.#run('cargo', args, environment);
  }

  /** `drydock build`, and what it compiled. */
  async build(args: readonly string[] = [], environment: Environment = {}): Promise<Built> {
    const ended = await this.drydock(['build', '--message-format=json-render-diagnostics', ...args], environment);
    return { ...ended, compiled: compiledOf(ended.stdout) };
  }

  /** A build that must succeed; its failure is told with what it printed. */
  async good(args: readonly string[] = [], environment: Environment = {}): Promise<Built> {
    const built = await this.build(args, environment);
    if (built.code !== 0) throw new Error(`the build ended with ${built.code ?? built.signal}:\n${built.stderr}`);
    return built;
  }

  /** What a binary of `target/debug` prints. */
  async says(name: string, environment: Environment = {}): Promise<string> {
    const ended = await this.#run(this.at(`target/debug/${name}`), [], environment);
    if (ended.code !== 0) throw new Error(`${name} ended with ${ended.code ?? ended.signal}: ${ended.stderr}`);
    return ended.stdout;
  }

  /** Sentences of `explain` by unit. */
  async explain(): Promise<Readonly<Record<string, string>>> {
    const { stdout } = await this.drydock(['explain']);
    return Object.fromEntries(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(': built because ') as [string, string]),
    );
  }

  /** Starts it and hands the process over. */
  start(args: readonly string[], environment: Environment = {}): Running {
    return new Running(this.#spawn(process.execPath, [program, ...args], environment));
  }

  run(command: string, args: readonly string[], environment: Environment = {}): Promise<Ended> {
    return this.#run(command, args, environment);
  }

  #run(command: string, args: readonly string[], environment: Environment): Promise<Ended> {
    return new Running(this.#spawn(command, args, environment)).ended;
  }

  #spawn(command: string, args: readonly string[], environment: Environment): ChildProcess {
    const env = Object.fromEntries(
      Object.entries({ ...this.place.environment, ...environment }).filter(([, value]) => value !== undefined),
    );
    return spawn(command, args, { cwd: this.root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  }
}

export class Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stderr = '';

  constructor(child: ChildProcess) {
    this.child = child;
    let stdout = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.ended = new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr: this.stderr }));
    });
  }
}

interface Message {
  readonly reason: string;
  readonly fresh?: boolean;
  readonly target?: { readonly name: string; readonly kind: readonly string[] };
}

function compiledOf(stdout: string): string[] {
  return messagesOf(stdout)
    .flatMap(({ reason, fresh, target }) =>
      reason === 'compiler-artifact' && fresh === false ? [`${target?.name} (${target?.kind.join(', ')})`] : [],
    )
    .sort();
}

/** cargo's messages; other lines of stdout are left out. */
export function messagesOf(stdout: string): readonly Message[] {
  return stdout.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Message] : []));
}

/** cargo's messages in any order, without hashes; those of a build into `theirs` as if it were `target`. */
export function shapeOf(project: Project, stdout: string): readonly string[] {
  return messagesOf(stdout)
    .map((message) =>
      JSON.stringify(message)
        .replaceAll(project.at('theirs'), project.at('target'))
        .replaceAll(/-[0-9a-f]{16}/g, '-#'),
    )
    .sort();
}

export const manifest = (name: string, rest = ''): string =>
  `[package]\nname = "${name}"\nversion = "0.1.0"\nedition = "2021"\n${rest}`;

/** Waits until `done` says so; false: it did not within `seconds`. */
export async function until(done: () => boolean, seconds = 20): Promise<boolean> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
    if (done()) return true;
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
  return false;
}

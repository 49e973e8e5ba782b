/** The real Nix tools, on a store of their own: a chroot store, whose paths still begin with /nix/store. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterAll, beforeAll } from 'vitest';

export class NixTools {
  readonly directory: string = mkdtempSync(path.join(tmpdir(), 'drydock-nix-'));
  readonly #store = path.join(this.directory, 'store');

  constructor() {
    mkdirSync(path.join(this.directory, 'etc'));
    writeFileSync(
      path.join(this.directory, 'etc', 'nix.conf'),
      'experimental-features = nix-command\nsandbox = false\n',
    );
  }

  /** Runs a tool that needs no store (`nix-hash`, `nix-store --dump`). Fails the test when it is missing or fails. */
  bytes(program: string, args: readonly string[], input?: Uint8Array): Buffer {
    const home = path.join(this.directory, 'home');
    const ended = spawnSync(program, args, {
      cwd: this.directory,
      env: { PATH: process.env['PATH'], HOME: home, NIX_CONF_DIR: path.join(this.directory, 'etc'), NIX_REMOTE: '' },
      maxBuffer: 1 << 28,
      ...(input === undefined ? {} : { input }),
    });
    if (ended.error !== undefined) {
      throw new Error(`${program} cannot be run (${ended.error.message}): these tests need the Debian package nix-bin`);
    }
    if (ended.status !== 0) throw new Error(`${program} ${args.join(' ')}\n${ended.stderr.toString()}`);
    return ended.stdout;
  }

  text(program: string, args: readonly string[]): string {
    return this.bytes(program, args).toString();
  }

  lines(program: string, args: readonly string[]): string[] {
    return this.text(program, args).trimEnd().split('\n');
  }

  /** As `lines`, on the private store. */
  inStore(program: string, args: readonly string[]): string[] {
    return this.lines(program, [...args, '--store', this.#store]);
  }

  get version(): string {
    return this.text('nix', ['--version']).trim().split(' ').at(-1) ?? '';
  }

  /** The bytes of a file of the private store. */
  read(storePath: string): Buffer {
    return readFileSync(path.join(this.#store, storePath));
  }

  file(name: string, contents: string | Uint8Array): string {
    const file = path.join(this.directory, name);
    writeFileSync(file, contents);
    return file;
  }

  get storeRoot(): string {
    return this.#store;
  }

  remove(): void {
    // Store objects are read-only directories, which an ordinary user cannot empty.
    spawnSync('chmod', ['-R', 'u+w', this.directory]);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** One store for a file of tests. */
export function useNix(): () => NixTools {
  let tools: NixTools | null = null;
  beforeAll(() => {
    tools = new NixTools();
  });
  afterAll(() => tools?.remove());
  return () => {
    if (tools === null) throw new Error('only inside of tests');
    return tools;
  };
}

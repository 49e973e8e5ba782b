/** What the tests of the store share. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll } from 'vitest';
import type { Sha256 } from '../../src/nix/types.ts';
import { openStore } from '../../src/store/store.ts';
import type { Store } from '../../src/store/types.ts';
import { removeTree } from '../../src/sys/copy.ts';
import { bundleInto } from '../bundle.ts';

export { anyOutput, build, fileSource, textSource, treeSource } from './sources.ts';

const made: string[] = [];
const opened: Store[] = [];

afterAll(async () => {
  for (const store of opened) await store.close();
  for (const directory of made) await removeTree(directory);
});

/** A directory that is gone after the tests of the file. */
export function scratch(): string {
  const directory = mkdtempSync(path.join(tmpdir(), 'drydock-store-'));
  chmodSync(directory, 0o755);
  made.push(directory);
  return directory;
}

export async function freshStore(root: string = path.join(scratch(), 'store')): Promise<Store> {
  const store = await openStore(root);
  opened.push(store);
  return store;
}

/** NAR hash of what lies at `file`, by Nix. */
export function nixHash(file: string): Sha256 {
  return execFileSync('nix-hash', ['--type', 'sha256', file], { encoding: 'utf8' }).trim() as Sha256;
}

/** child.ts, where every user can read it. */
export function childProgram(): Promise<string> {
  return bundleInto(scratch(), new URL('child.ts', import.meta.url));
}

export interface Child {
  readonly process: ChildProcess;
  /** What it has said so far. */
  readonly said: unknown[];
  /** Resolves when it has said `value`. */
  until(value: unknown): Promise<void>;
  /** Resolves when it is gone. Rejects with its stderr if it failed by itself. */
  readonly end: Promise<void>;
}

/** Starts the bundled child. `user`: uid and gid to run as. */
export function start(program: string, args: readonly string[], user?: number): Child {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(user === undefined ? {} : { uid: user, gid: user, cwd: '/' }),
  });
  const said: unknown[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    // The last line of a killed process may be half a line.
    try {
      said.push(JSON.parse(line));
    } catch {}
    for (const look of waiting) look();
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const end = new Promise<void>((resolve, reject) => {
    child.on('close', (code) => (code === 0 || code === null ? resolve() : reject(new Error(stderr))));
  });
  end.catch(() => {});
  const until = (value: unknown) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!said.some((one) => JSON.stringify(one) === JSON.stringify(value))) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
      end.then(() => reject(new Error(`ended without saying ${JSON.stringify(value)}`)), reject);
    });
  return { process: child, said, until, end };
}

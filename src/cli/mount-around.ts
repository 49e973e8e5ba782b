/** Grants before a command of Nix, and what became of them after it. */
import { existsSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { daemonAddress, rootOf } from '../engine/daemon/address.ts';
import { parseCacheMounts } from '../mounts/declare.ts';
import { type Answer, grantsDirectory, revokeGrant, writeGrant } from '../mounts/grants.ts';
import { type HeldMounts, holdMounts } from '../mounts/hold.ts';
import { ownerScope } from '../mounts/scope.ts';
import { type Prepared, prepareDirectories } from '../mounts/standing.ts';
import { parseDerivation } from '../nix/aterm-parse.ts';
import type { Derivation, DrvPath } from '../nix/types.ts';
import { defaultStoreRoot } from '../store/store.ts';
import { UserError, errnoOf } from '../sys/errors.ts';
import { userIds } from '../sys/ids.ts';
import { run } from '../sys/run.ts';
import type { Host } from './host.ts';
import { directoryOf } from './mount-directory.ts';

export interface MountRequest {
  readonly command: readonly string[];
  /** By id, or by what an id starts with up to a slash. */
  readonly directories: ReadonlyMap<string, string>;
  /** Nothing is printed here, and of the command only what it says to stderr. */
  readonly quiet: boolean;
}

export interface MountEnd {
  readonly code: number;
  readonly granted: number;
  readonly answers: readonly { readonly drvPath: DrvPath; readonly answer: Answer }[];
}

interface Owner {
  readonly uid: number;
  readonly scope: string;
  readonly place: string;
}

interface Asking {
  readonly drvPath: DrvPath;
  readonly derivation: Derivation;
  readonly mounts: readonly Prepared[];
}

/** Long enough for any build; taken back when the command has ended. */
const validity = 12 * 3600 * 1000;

/**
 * Asks the command what it would build (`--dry-run`), grants to those derivations that name this owner and this scope, runs
 * the command, takes the grants back. `UserError` D0808 for a command that cannot be asked.
 */
export async function mountAround(request: MountRequest, host: Host): Promise<MountEnd> {
  const dryRun = withDryRun(request.command);
  const state = path.join(defaultStoreRoot(host.environment), 'nix', 'var', 'drydock');
  const owner: Owner = { uid: userIds().uid, scope: ownerScope(state), place: grantsDirectory(state) };
  const told = { owner: String(owner.uid), scope: owner.scope, cacheGrants: owner.place };
  const env = { ...host.environment, DRYDOCK_MOUNT: JSON.stringify(told) };
  const warn = (text: string) => request.quiet || host.terminal.stderr.write(`drydock: ${text}\n`);

  // A command that fails here fails again below, where its user sees why.
  const [program = '', ...args] = dryRun;
  const planned = await run(program, args, { env, cwd: host.cwd, stdout: 'ignore', signal: host.signal });
  const asking = plannedDerivations(planned.stderr.toString()).flatMap((drvPath) =>
    askingDerivation(drvPath, owner, request, host, warn),
  );
  const held: { readonly one: Asking; readonly mounts: HeldMounts }[] = [];
  try {
    for (const one of asking.toSorted(byDirectory)) {
      const transactional = one.mounts.filter(({ grant }) => grant.transactional).map(({ grant }) => grant);
      const onWait = () => warn(`waiting for a cache mount that another build uses: ${transactional[0]?.directory}`);
      const mounts = await holdMounts(transactional, { onWait, signal: host.signal });
      held.push({ one, mounts });
      await mounts.mark(one.drvPath);
      const directories = one.mounts.flatMap(({ grant, alternatives }) =>
        alternatives.map((directory) => ({
          id: grant.id,
          directory,
          ro: grant.ro,
          lock: grant.transactional ? ('held' as const) : ('hook' as const),
        })),
      );
      const expires = new Date(Date.now() + validity);
      writeGrant(owner.place, { drvPath: one.drvPath, scope: owner.scope, expires, directories });
    }
    const code = await runThrough(request, host, env);
    const answers = held.map(({ one, mounts }) => {
      const answer = revokeGrant(owner.place, one.drvPath);
      mounts.release(code === 0 || answer?.mounted !== true || isThere(one.derivation, host));
      if (answer?.mounted === false) warn(`${one.drvPath} was built without its cache mount: ${answer.reason}`);
      else if (answer?.mounted === true && answer.noView !== null)
        warn(`${one.drvPath} was built without a view: ${answer.noView}`);
      return { drvPath: one.drvPath, answer };
    });
    if (code === 0 && answers.length > 0 && answers.every(({ answer }) => answer === null)) {
      warn('the daemon did not ask for cache mounts: to install its hook, `drydock nix install-hook`');
    }
    return { code, granted: asking.length, answers };
  } finally {
    for (const { one, mounts } of held) {
      revokeGrant(owner.place, one.drvPath);
      mounts.release(false);
    }
  }
}

/** `nix build`, `nix-build` and `nix-store --realise` say what they would build. */
function withDryRun(command: readonly string[]): readonly string[] {
  const name = path.basename(command[0] ?? '');
  const verb = name === 'nix' ? command.indexOf('build') : name === 'nix-store' ? realise(command) : 0;
  if (!['nix', 'nix-build', 'nix-store'].includes(name) || verb < 0) {
    throw new UserError(
      'D0808',
      `\`drydock mount\` cannot ask \`${command.join(' ')}\` what it would build`,
      'use nix build, nix-build or nix-store --realise',
    );
  }
  return command.toSpliced(verb + 1, 0, '--dry-run');
}

function realise(command: readonly string[]): number {
  return command.findIndex((word) => ['-r', '--realise', '--realize'].includes(word));
}

/** The list that Nix prints after "these … derivations will be built:", since 2.0. Only a hint: each is looked at. */
function plannedDerivations(text: string): readonly DrvPath[] {
  const found = [...text.matchAll(/^\s+(\/nix\/store\/[0-9a-z]{32}-[\w.+?=-]+\.drv)\s*$/gm)];
  return [...new Set(found.map(([, drvPath]) => drvPath as DrvPath))];
}

function askingDerivation(
  drvPath: DrvPath,
  owner: Owner,
  request: MountRequest,
  host: Host,
  warn: (text: string) => void,
): Asking[] {
  const text = readText(`${storeRootOf(host)}${drvPath}`);
  if (text === null || !['("cacheMounts","', '("storeViews","'].some((each) => text.includes(each))) return [];
  const parsed = parseDerivation(text);
  if (!parsed.ok) return [];
  const { env } = parsed.value;
  const mounts = parseCacheMounts(env['cacheMounts'] ?? '[]');
  const because = (reason: string) => {
    warn(`${drvPath} gets no cache mount: ${reason}`);
    return [];
  };
  if (mounts === null) return because('its `cacheMounts` does not read');
  if (env['owner'] === undefined) return because('it names no owner; see docs/cache-mounts.md');
  if (env['owner'] !== String(owner.uid) || env['scope'] !== owner.scope) return because("it is another owner's");
  if (env['cacheGrants'] !== owner.place) return because(`it expects grants in ${env['cacheGrants']}`);
  const optimises = /-?-C'? ?'?(opt-level|lto|linker-plugin-lto)|'opt-level=/.test(env['arguments'] ?? '');
  const prepared = mounts.map((one) =>
    prepareDirectories({ ...one, ...directoryOf(one.id, request.directories, host), killSafe: !optimises }),
  );
  return [{ drvPath, derivation: parsed.value, mounts: prepared }];
}

function byDirectory(left: Asking, right: Asking): number {
  const of = (one: Asking) => one.mounts[0]?.grant.directory ?? '';
  return of(left) < of(right) ? -1 : of(left) > of(right) ? 1 : 0;
}

/** The command's exit code; as a shell says it where a signal ended it. */
async function runThrough(request: MountRequest, host: Host, env: Record<string, string>): Promise<number> {
  const [program = '', ...args] = request.command;
  const output = request.quiet ? 'ignore' : 'inherit';
  // Ctrl-C reaches the command by itself; a polite kill of this process does not.
  const ended = await run(program, args, { cwd: host.cwd, env, stdout: output, stderr: output, signal: host.signal });
  if (ended.startError !== null) {
    throw new UserError(
      'D0808',
      `\`${program}\` could not be started: ${ended.startError.message}`,
      'see that it is on PATH',
    );
  }
  return ended.code ?? (ended.signal === 'SIGINT' ? 130 : 143);
}

function isThere(derivation: Derivation, host: Host): boolean {
  return Object.values(derivation.outputs).every(({ path: out }) => existsSync(`${storeRootOf(host)}${out}`));
}

function storeRootOf(host: Host): string {
  return rootOf(daemonAddress(host.environment)) ?? '';
}

function readText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EACCES') return null;
    throw error;
  }
}

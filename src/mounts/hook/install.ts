/** What installing the hook does: prepared here as files and a shell script that root can run, and anybody can read. */
import { existsSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { UserError, errnoOf } from '../../sys/errors.ts';
import { type Edit, withHook, withoutHook } from './nix-conf.ts';
import { compileHook, filterName, programName, sourceNames, sourcesIn } from './program.ts';

export interface HookPlaces {
  /** The programs go to `<prefix>/lib/drydock`. */
  readonly prefix: string;
  /** nix.conf. */
  readonly conf: string;
  /** The administrator's limits; need not exist. */
  readonly limits: string;
}

export interface Installation {
  /** For `sh`, as root. */
  readonly script: string;
  /** Sentences, what the script will do. Empty: nothing is to be done. */
  readonly steps: readonly string[];
}

/** Where nix.conf is; Determinate Nix overwrites it and reads the administrator's lines from another file. */
export function defaultConf(environment: Readonly<Record<string, string | undefined>>): string {
  const directory = environment['NIX_CONF_DIR'] ?? '/etc/nix';
  const custom = path.join(directory, 'nix.custom.conf');
  const main = path.join(directory, 'nix.conf');
  return /^\s*!?include\s+nix\.custom\.conf/m.test(textOf(main)) ? custom : main;
}

/** Compiles into `stage` and says how the result gets into its place. `UserError` D1101 to D1104. */
export async function prepareInstall(places: HookPlaces, stage: string, systemd: boolean): Promise<Installation> {
  const home = homeOf(places);
  checkRootsOwn(home);
  checkRootsOwn(places.limits);
  checkPlain(places);
  const edit = withHook(textOf(places.conf), path.join(home, filterName));
  checkEdit(edit, places);
  await compileHook(stage, home, places.limits);
  const sources = sourceNames();
  const names = [programName, filterName, ...sources];
  const stale = names.filter((name) => !same(path.join(stage, name), path.join(home, name)));
  const others = sourcesIn(home).filter((name) => !sources.includes(name));
  const steps: string[] = [];
  const script = ['set -eu', 'umask 022'];
  if (stale.length > 0) {
    steps.push(`put ${inWords(stale)} into ${home}, owned by root`);
    for (const directory of directoriesOf(sources))
      script.push(`install -d -m 0755 ${word(path.join(home, directory))}`);
    for (const name of stale) {
      const to = path.join(home, name);
      const mode = sources.includes(name) ? '0644' : '0755';
      script.push(`install -o 0 -g 0 -m ${mode} ${word(path.join(stage, name))} ${word(`${to}.new`)}`);
      script.push(`mv -f ${word(`${to}.new`)} ${word(to)}`);
    }
  }
  if (others.length > 0) {
    steps.push(`remove ${others.join(', ')} of an earlier drydock from ${home}`);
    script.push(...others.map((name) => `rm -f ${word(path.join(home, name))}`));
  }
  if (edit.kind === 'changed') {
    steps.push(`add the line \`pre-build-hook = ${path.join(home, filterName)}\` to ${places.conf}`);
    script.push(...replaceConf(edit.text, places.conf, stage), ...restart(systemd, steps));
  }
  return { script: `${script.join('\n')}\n`, steps };
}

/** Takes away what `prepareInstall` made. The administrator's limits stay. */
export function prepareUninstall(places: HookPlaces, stage: string, systemd: boolean): Installation {
  const home = homeOf(places);
  checkPlain(places);
  const edit = withoutHook(textOf(places.conf), path.join(home, filterName));
  checkEdit(edit, places);
  const steps: string[] = [];
  const script = ['set -eu', 'umask 022'];
  if (edit.kind === 'changed') {
    steps.push(`take the line \`pre-build-hook = ${path.join(home, filterName)}\` out of ${places.conf}`);
    script.push(...replaceConf(edit.text, places.conf, stage), ...restart(systemd, steps));
  }
  const sources = sourcesIn(home);
  const names = [filterName, programName, ...sources].filter((name) => existsSync(path.join(home, name)));
  if (names.length > 0) {
    // After the restart: a daemon whose hook is missing fails every build.
    steps.push(`remove ${inWords(names)} from ${home}`);
    script.push(...names.map((name) => `rm -f ${word(path.join(home, name))}`));
    const directories = [...directoriesOf(sources).toReversed(), '.'].map((name) => word(path.join(home, name)));
    script.push(...directories.map((directory) => `rmdir ${directory} 2>/dev/null || true`));
  }
  return { script: `${script.join('\n')}\n`, steps };
}

/** Outer ones first. */
function directoriesOf(names: readonly string[]): readonly string[] {
  return [...new Set(names.map((name) => path.dirname(name)))].toSorted((a, b) => a.length - b.length);
}

/** Names of files of the hook; those of the program's source are counted. */
function inWords(names: readonly string[]): string {
  const source = names.filter((name) => path.dirname(name) !== '.');
  const others = names.filter((name) => !source.includes(name));
  return [...others, ...(source.length > 0 ? [`the program's source (${source.length} files)`] : [])].join(', ');
}

export function homeOf({ prefix }: HookPlaces): string {
  return path.join(prefix, 'lib', 'drydock');
}

function replaceConf(text: string, conf: string, stage: string): string[] {
  const staged = path.join(stage, 'nix.conf');
  writeFileSync(staged, text);
  return [
    `install -d -m 0755 ${word(path.dirname(conf))}`,
    `install -o 0 -g 0 -m 0644 ${word(staged)} ${word(`${conf}.drydock-new`)}`,
    `mv -f ${word(`${conf}.drydock-new`)} ${word(conf)}`,
  ];
}

function restart(systemd: boolean, steps: string[]): string[] {
  steps.push(
    systemd ? 'restart nix-daemon.service' : 'nothing more: restart the daemon by hand, it reads nix.conf once',
  );
  return systemd ? ['systemctl restart nix-daemon.service'] : [];
}

function checkEdit(edit: Edit, { conf }: HookPlaces): void {
  if (edit.kind === 'taken') {
    throw new UserError(
      'D1102',
      `${conf} names another hook: pre-build-hook = ${edit.by}`,
      'take that line out, or have that program call ours',
    );
  }
  if (edit.kind === 'changed' && existsSync(conf) && realpathSync(conf).startsWith('/nix/store/')) {
    throw new UserError(
      'D1103',
      `${conf} is made by NixOS`,
      'import nix/module.nix and set programs.drydock.cacheMounts.enable = true',
    );
  }
}

/** What root will run must not lie where somebody else can put another file in its place. */
function checkRootsOwn(place: string): void {
  for (let at = place; ; at = path.dirname(at)) {
    const stat = statSync(at, { throwIfNoEntry: false });
    if (stat !== undefined && (stat.uid !== 0 || (stat.mode & 0o022) !== 0)) {
      throw new UserError('D1104', `${at} is not root's alone to write`, 'use another --prefix, such as /usr/local');
    }
    if (at === path.dirname(at)) return;
  }
}

/** These go into a shell's text and a line of nix.conf. */
function checkPlain(places: HookPlaces): void {
  for (const place of [places.prefix, places.conf, places.limits]) {
    if (!/^\/[A-Za-z0-9._/+-]*$/.test(place)) {
      throw new UserError(
        'D1105',
        `${JSON.stringify(place)} cannot be a place of the hook`,
        'use an absolute path of letters and digits',
      );
    }
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}

function same(left: string, right: string): boolean {
  return existsSync(right) && statSync(right).uid === 0 && readFileSync(left).equals(readFileSync(right));
}

/** A word of the shell. */
function word(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

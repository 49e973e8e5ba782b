/** `drydock nix install-hook`, `drydock nix check-hook`: cache mounts through a Nix daemon. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import {
  type HookPlaces,
  type Installation,
  defaultConf,
  prepareInstall,
  prepareUninstall,
} from '../mounts/hook/install.ts';
import { UserError } from '../sys/errors.ts';
import { userIds } from '../sys/ids.ts';
import { run } from '../sys/run.ts';
import { checkHook } from './check-hook.ts';
import type { Host } from './host.ts';

interface Options extends HookPlaces {
  readonly dryRun: boolean;
  readonly uninstall: boolean;
}

/** Exit code 0: the hook is installed (or removed) and, where it could be tried, works. */
export async function nix(host: Host): Promise<number> {
  const words = host.argv.slice(host.argv.indexOf('nix') + 1);
  switch (words[0]) {
    case 'install-hook':
      return installHook(options(words.slice(1), host), host);
    case 'check-hook':
      return tellCheck(host);
    default:
      throw new UserError('D0805', '`drydock nix` needs to know what to do', 'see `drydock nix --help`');
  }
}

async function installHook(options: Options, host: Host): Promise<number> {
  const { stdout } = host.terminal;
  const stage = mkdtempSync(path.join(tmpdir(), 'drydock-hook-'));
  try {
    const systemd = existsSync('/run/systemd/system');
    const installation = options.uninstall
      ? prepareUninstall(options, stage, systemd)
      : await prepareInstall(options, stage, systemd);
    if (installation.steps.length === 0) {
      stdout.write(options.uninstall ? 'the hook is not installed\n' : 'the hook is installed as it should be\n');
    } else {
      stdout.write(`As root, this will\n${installation.steps.map((step) => `  - ${step}\n`).join('')}`);
      if (options.dryRun) {
        stdout.write(`\nby this script:\n${installation.script.replaceAll(/^/gm, '  ').trimEnd()}\n`);
        return 0;
      }
      await asRoot(installation, stage);
      stdout.write('done\n');
      if (!systemd) stdout.write('now restart the Nix daemon\n');
    }
    return options.dryRun || options.uninstall || !daemonThere(host) ? 0 : await tellCheck(host);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

async function asRoot({ script }: Installation, stage: string): Promise<void> {
  const file = path.join(stage, 'install.sh');
  writeFileSync(file, script);
  const [program, ...args] = userIds().uid === 0 ? ['/bin/sh', file] : ['sudo', '/bin/sh', file];
  const ended = await run(program ?? '', args, { stdout: 'inherit', stderr: 'inherit' });
  if (ended.code !== 0) {
    throw new UserError(
      'D0809',
      ended.startError === null ? `the installation ended with exit code ${ended.code}` : `there is no ${program}`,
      'call the same command as root; --dry-run prints what it does',
    );
  }
}

function daemonThere({ environment }: Host): boolean {
  return existsSync(environment['NIX_DAEMON_SOCKET_PATH'] ?? '/nix/var/nix/daemon-socket/socket');
}

async function tellCheck(host: Host): Promise<number> {
  const { stdout, stderr } = host.terminal;
  const found = await checkHook(host);
  switch (found.kind) {
    case 'works':
      stdout.write('a build had its cache mount, and found what the build before it had left there\n');
      return 0;
    case 'not-tried':
      stdout.write(`not tried: ${found.reason}\n`);
      return 0;
    case 'cold':
      stderr.write(`a build had no cache mount: ${found.reason}\n`);
      return 1;
  }
}

function options(words: readonly string[], host: Host): Options {
  let [prefix, conf, limits] = ['/usr/local', defaultConf(host.environment), '/etc/drydock/hook.conf'];
  let [dryRun, uninstall] = [false, false];
  for (let i = 0; i < words.length; i++) {
    const [name, ...rest] = (words[i] ?? '').split('=');
    const value = () => path.resolve(host.cwd, rest.length > 0 ? rest.join('=') : (words[++i] ?? ''));
    if (name === '--dry-run') dryRun = true;
    else if (name === '--uninstall') uninstall = true;
    else if (name === '--prefix') prefix = value();
    else if (name === '--conf') conf = value();
    else if (name === '--limits') limits = value();
    else throw new UserError('D0805', `\`install-hook\` does not know ${words[i]}`, 'see `drydock nix --help`');
  }
  return { prefix, conf, limits, dryRun, uninstall };
}

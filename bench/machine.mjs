// A machine with stock multi-user Nix for the measurements: a daemon with a store of its own and the hook installed, and an
// ordinary user in a 0700 home whom the daemon does not trust, with a toolchain and a cargo home that this user can read.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { installNix } from '../scripts/stock-nix.mjs';

const HERE = fileURLToPath(new URL('..', import.meta.url));
const USER = 'drydock-bench';
const DRYDOCK = ['dist', 'builder', 'node_modules/koffi', 'node_modules/@koromix'];

export class Machine {
  /** Lays out in `place` what is missing there, and starts the daemon. */
  static async open(place, version) {
    if (process.getuid() !== 0) throw new Error('a multi-user daemon needs root: run this as root');
    const machine = new Machine(place, installNix(version));
    mkdirSync(machine.at('etc'), { recursive: true });
    machine.layOut();
    machine.configure();
    await machine.start();
    await machine.installHook();
    return machine;
  }

  constructor(place, bin) {
    this.place = place;
    this.bin = bin;
    this.user = makeUsers();
    this.home = this.at('home');
    this.daemon = null;
    this.said = '';
    this.remote = `unix://${this.at('socket')}?root=${this.at('root')}`;
    this.toolchain = this.at('toolchain');
    this.drydock = [process.execPath, this.at('drydock/dist/drydock.mjs')];
  }

  at(name) {
    return path.join(this.place, name);
  }

  /** The environment of the user. */
  get environment() {
    return {
      HOME: this.home,
      USER,
      LANG: 'C.UTF-8',
      PATH: `${this.toolchain}/bin:${this.bin}:/usr/local/bin:/usr/bin:/bin`,
      NIX_REMOTE: this.remote,
      NIX_CONFIG: 'experimental-features = nix-command',
    };
  }

  layOut() {
    mkdirSync(this.home, { recursive: true, mode: 0o700 });
    const sysroot = execFileSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8' }).trim();
    const version = execFileSync('rustc', ['-vV'], { encoding: 'utf8' });
    if (text(this.at('toolchain.version')) !== version) {
      rmSync(this.toolchain, { recursive: true, force: true });
      cpSync(sysroot, this.toolchain, {
        recursive: true,
        verbatimSymlinks: true,
        filter: (one) => path.relative(sysroot, one) !== 'share/doc',
      });
      writeFileSync(this.at('toolchain.version'), version);
    }
    const cargo = process.env.CARGO_HOME ?? path.join(os.homedir(), '.cargo');
    for (const name of ['registry/index', 'registry/cache', 'config.toml']) {
      const from = path.join(cargo, name);
      if (existsSync(from)) cpSync(from, path.join(this.home, '.cargo', name), { recursive: true });
    }
    rmSync(this.at('drydock'), { recursive: true, force: true });
    for (const name of DRYDOCK.filter((one) => existsSync(path.join(HERE, one))))
      cpSync(path.join(HERE, name), path.join(this.at('drydock'), name), { recursive: true });
    this.own(this.home);
  }

  /** Makes the user the owner of all that lies there. */
  own(directory) {
    execFileSync('chown', ['-hR', `${this.user.uid}:${this.user.gid}`, directory]);
  }

  configure() {
    const host = ['/bin', '/usr', '/lib', '/lib64', '/etc/alternatives'].filter((one) => existsSync(one));
    const lines = [
      'build-users-group = nixbld',
      'sandbox = true',
      `sandbox-paths = ${host.join(' ')}`,
      'substituters =',
      `store = local?root=${this.at('root')}`,
      'build-dir = /nix/var/nix/builds',
    ];
    writeFileSync(this.at('etc/nix.conf'), `${lines.join('\n')}\n`);
  }

  async start() {
    rmSync(this.at('socket'), { force: true });
    const env = {
      PATH: process.env.PATH,
      HOME: this.place,
      NIX_CONF_DIR: this.at('etc'),
      NIX_DAEMON_SOCKET_PATH: this.at('socket'),
    };
    this.daemon = spawn(path.join(this.bin, 'nix-daemon'), [], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    this.daemon.stderr.on('data', (chunk) => {
      this.said += chunk;
    });
    this.daemon.unref();
    this.daemon.stderr.unref();
    for (let tries = 0; !existsSync(this.at('socket')); tries++) {
      if (tries > 500 || this.daemon.exitCode !== null) throw new Error(`the daemon did not start: ${this.said}`);
      await sleep(10);
    }
  }

  async stop() {
    if (this.daemon === null) return;
    const gone = new Promise((resolve) => {
      this.daemon.once('exit', resolve);
    });
    this.daemon.ref();
    this.daemon.kill('SIGTERM');
    await gone;
    this.daemon = null;
  }

  async installHook() {
    const places = [
      '--prefix',
      this.at('hook'),
      '--limits',
      this.at('etc/hook.conf'),
      '--conf',
      this.at('etc/nix.conf'),
    ];
    const [program, ...before] = this.drydock;
    execFileSync(program, [...before, 'nix', 'install-hook', ...places], { stdio: ['ignore', 'ignore', 'inherit'] });
    this.allowMounts(true);
    await this.stop();
    await this.start();
  }

  /** Whether the administrator lets the hook mount anything. */
  allowMounts(allowed) {
    writeFileSync(this.at('etc/hook.conf'), allowed ? '' : 'users = nobody\n');
  }

  /** Removes from the store all that nothing refers to, but keeps the toolchain. */
  collect() {
    const store = path.join(this.at('root'), 'nix/store');
    const roots = path.join(this.at('root'), 'nix/var/nix/gcroots');
    const names = existsSync(store) ? readdirSync(store) : [];
    for (const name of names.filter((one) => /^\w{32}-rust-[\d.]+$/.test(one))) {
      rmSync(path.join(roots, name), { force: true });
      symlinkSync(`/nix/store/${name}`, path.join(roots, name));
    }
    const ended = spawnSync(path.join(this.bin, 'nix-collect-garbage'), [], {
      env: { ...process.env, NIX_CONF_DIR: this.at('etc'), NIX_REMOTE: this.remote },
      encoding: 'utf8',
    });
    if (ended.status !== 0) throw new Error(`nix-collect-garbage: ${ended.stderr}`);
  }
}

function makeUsers() {
  const known = (database, name) => spawnSync('getent', [database, name]).status === 0;
  if (!known('group', 'nixbld')) execFileSync('groupadd', ['-r', 'nixbld']);
  const nobody = ['-r', '-s', '/usr/sbin/nologin'];
  for (let number = 1; number <= 4; number++) {
    const name = `nixbld${number}`;
    if (!known('passwd', name))
      execFileSync('useradd', [...nobody, '-g', 'nixbld', '-G', 'nixbld', '-d', '/var/empty', name]);
  }
  if (!known('passwd', USER)) execFileSync('useradd', [...nobody, '-U', '-d', '/nonexistent', USER]);
  const id = (flag) => Number(execFileSync('id', [flag, USER], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

function text(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

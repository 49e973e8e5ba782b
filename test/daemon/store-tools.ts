/** Tools in the machine's own Nix store, and an ordinary user who calls them from there, as in nix-shell. */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { installInto } from '../installation.ts';
import { type Launch, startDaemon } from './daemon.ts';

const ordinary = 54_321;
/** What the compiler of the store adds to every link. */
export const buildId = 'c0ffee00c0ffee00';

type Variables = Readonly<Record<string, string>>;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StoreTools {
  readonly directory: string;
  /** In the store, by name. */
  readonly tools: Readonly<Record<'sysroot' | 'rustc' | 'driver' | 'cc' | 'shell', string>>;
  /** Directories of `PATH` that lie in the store. */
  readonly bins: readonly string[];
  /** The others. */
  readonly hostBins: readonly string[];
  /** Runs a tool of Nix; its standard output. */
  nix(program: string, ...args: readonly string[]): string;
  /** A store path that a script of the shell makes at `$out`, with `$inputs` among its inputs. */
  built(name: string, inputs: readonly string[], text: string): string;
  /** One with the program `bin/<name>`, a script of the shell. */
  script(name: string, inputs: readonly string[], text: string): string;
  /** A project that belongs to the user; its directory. */
  project(name: string, files: Readonly<Record<string, string>>): string;
  /** As the user, with these tools on `PATH`. */
  run(root: string, program: string, args: readonly string[], variables?: Variables): Ended;
  drydock(root: string, args: readonly string[], variables?: Variables): Ended;
  /** The derivations that `drydock plan` tells. */
  planned(root: string, variables?: Variables, ...args: readonly string[]): readonly string[];
  /** Removes all of it, and what was built of packages with these names. */
  remove(packages: readonly string[]): Promise<void>;
}

/** A compiler's wrapper of nixpkgs in small: flags of the shell count where the shell says that they are for it. */
const wrapper = `flags=
if [ -n "\${NIX_CC_WRAPPER_TARGET_HOST_here-}" ]; then
  for word; do case $word in -c) flags=$NIX_CFLAGS_COMPILE; esac; done
  [ -n "$flags" ] || for flag in $NIX_LDFLAGS; do case $flag in -L*) ;; *) flag=-Wl,$flag; esac; flags="$flags $flag"; done
fi`;

/** `launch`: whose Nix works on the machine's store. */
export async function openStoreTools(launch: Launch): Promise<StoreTools> {
  const daemon = await startDaemon(['store = local'], launch);
  const directory = mkdtempSync(path.join(os.tmpdir(), 'drydock-nix-tools-'));
  chmodSync(directory, 0o755);
  const command = installInto(path.join(directory, 'program'));
  const socket = path.join(daemon.directory, 'socket');
  const made: string[] = [];
  const nix: StoreTools['nix'] = (program, ...args) => {
    const env = { PATH: process.env['PATH'], HOME: directory, NIX_REMOTE: `unix://${socket}` };
    const [name = '', ...before] = launch.tool(program);
    const ended = spawnSync(name, [...before, ...args], { env, encoding: 'utf8' });
    if (ended.status !== 0) throw new Error(`${program} ${args.join(' ')}\n${ended.stderr}`);
    return ended.stdout.trim();
  };
  const built: StoreTools['built'] = (name, inputs, text) => {
    const file = path.join(directory, `${name}.sh`);
    // The directory's name tells these store paths from those of another test that runs now.
    writeFileSync(file, `PATH=/usr/bin:/bin # ${directory}\n${text}\n`);
    const paths = inputs.map((input) => `(builtins.storePath ${input})`).join(' ');
    const expression = `derivation {
      name = "drydock-test-${name}"; system = builtins.currentSystem; builder = "/bin/sh";
      inputs = [ ${paths} ];
      args = [ "-ec" (builtins.readFile ${file}) ];
    }`;
    const out = nix('nix-build', '--no-out-link', '-E', expression);
    made.push(out);
    return out;
  };
  const script: StoreTools['script'] = (name, inputs, text) =>
    built(
      name,
      inputs,
      `mkdir -p $out/bin; cat >$out/bin/${name} <<'END'\n#!/bin/sh\n${text}\nEND\nchmod +x $out/bin/${name}`,
    );
  const sysroot = nix('nix-store', '--add', partOfSysroot(directory));
  made.push(sysroot);
  const rustc = script('rustc', [sysroot], `exec ${sysroot}/bin/rustc "$@"`);
  const driver = script('driver', [], 'exec /usr/bin/cc "$@"');
  const linked = `-Wl,--build-id=0x${buildId}`;
  const cc = script('cc', [driver], `${wrapper}\nexec ${driver}/bin/driver "$@" $flags ${linked}`);
  const names = 'env cp ln mkdir rm chmod cat tail tar gzip';
  const shell = built(
    'shell',
    [],
    `mkdir -p $out/bin
    for name in ${names}; do cp /usr/bin/$name $out/bin/; done
    for name in gcc clang ld ld.lld as ar sh; do printf '#!/bin/sh\\nexec /usr/bin/%s "$@"\\n' $name >$out/bin/$name; done
    chmod +x $out/bin/*`,
  );
  const bins = [rustc, sysroot, cc, shell].map((each) => `${each}/bin`);
  const [own = ''] = launch.tool('nix-store').filter((each) => path.isAbsolute(each));
  const hostBins = [...(own === '' ? [] : [path.dirname(own)]), '/usr/local/bin', '/usr/bin', '/bin'];
  const run: StoreTools['run'] = (root, program, args, variables = {}) => {
    const home = path.join(directory, 'home');
    mkdirSync(home, { recursive: true });
    chownSync(home, ordinary, ordinary);
    const env = {
      HOME: home,
      PATH: [...bins, ...hostBins].join(':'),
      NIX_DAEMON_SOCKET_PATH: socket,
      NIX_REMOTE: `unix://${socket}`,
      ...variables,
    };
    const words = [`--reuid=${ordinary}`, `--regid=${ordinary}`, '--clear-groups', program, ...args];
    const ended = spawnSync('/usr/bin/setpriv', words, { cwd: root, env, encoding: 'utf8', maxBuffer: 1 << 26 });
    return { code: ended.status, stdout: ended.stdout, stderr: ended.stderr };
  };
  const drydock: StoreTools['drydock'] = (root, args, variables = {}) =>
    run(root, process.execPath, [command, ...args], variables);
  return {
    directory,
    tools: { sysroot, rustc, driver, cc, shell },
    bins,
    hostBins,
    nix,
    built,
    script,
    project(name, files) {
      const root = path.join(directory, name);
      for (const [file, text] of Object.entries(files)) {
        mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
        writeFileSync(path.join(root, file), text);
      }
      spawnSync('chown', ['-R', `${ordinary}:${ordinary}`, root]);
      return root;
    },
    run,
    drydock,
    planned(root, variables = {}, ...args) {
      const ended = drydock(root, ['plan', '--json', '--pure', ...args], variables);
      if (ended.code !== 0) throw new Error(ended.stderr);
      return (JSON.parse(ended.stdout) as { drvPath: string }[]).map(({ drvPath }) => drvPath);
    },
    async remove(packages) {
      const users = nix('nix-store', '--query', '--referrers-closure', ...made).split('\n');
      const others = made.filter((each) => each !== sysroot);
      const makers = nix('nix-store', '--query', '--deriver', ...others).split('\n');
      const drvs = users.filter((each) => each.endsWith('.drv'));
      const around = ['--outputs', '--references'].flatMap((of) =>
        nix('nix-store', '--query', of, ...drvs).split('\n'),
      );
      const ofPackages = around.filter((each) => packages.some((name) => each.includes(`-${name}-1.0.0-`)));
      const there = ofPackages.filter((each) => existsSync(each));
      const own = nix('nix-store', '--query', '--referrers-closure', ...there).split('\n');
      await daemon.remove();
      // Builds that failed leave these.
      for (const each of ofPackages) rmSync(`${each}.lock`, { force: true });
      rmSync(directory, { recursive: true, force: true });
      const words = ['--delete', '--ignore-liveness', ...new Set([...users, ...makers, ...own])];
      const env = { PATH: process.env['PATH'], HOME: '/' };
      const [name = '', ...before] = launch.tool('nix-store');
      const { status, stderr } = spawnSync(name, [...before, ...words], { env, encoding: 'utf8' });
      if (status !== 0) throw new Error(stderr);
    },
  };
}

/** The machine's toolchain without documentation, as a directory of its own. */
function partOfSysroot(directory: string): string {
  const from = spawnSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8' }).stdout.trim();
  const to = path.join(directory, 'drydock-test-sysroot');
  const outside = /^(share|etc|libexec|lib\/rustlib\/(src|etc))$/;
  cpSync(from, to, { recursive: true, filter: (file) => !outside.test(path.relative(from, file)) });
  writeFileSync(path.join(to, 'from'), directory);
  return to;
}

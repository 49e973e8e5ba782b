/**
 * Starting programs without a copy of this process. Node forks itself, which takes 6 ms and more with the memory that a
 * large build has, and as long again for the pages that both then share; posix_spawn(3) takes 0.3 ms.
 */
import { constants, closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { constants as system } from 'node:os';
import type { Readable } from 'node:stream';

export interface SpawnRequest {
  /** Absolute. */
  readonly program: string;
  readonly args: readonly string[];
  /** The whole environment of the child. */
  readonly env: Readonly<Record<string, string>>;
  /** Files that the child has open for reading, from their beginning, as its descriptors 3, 4, … */
  readonly files: readonly string[];
}

/** A child in a session of its own, with nothing to read and one stream for all that it writes. */
export interface Child {
  readonly pid: number;
  readonly output: Readable;
  /** To be called when `output` has ended. Resolves when the process is gone. */
  reap(): Promise<ProcessEnd>;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** POSIX_SPAWN_SETSIGDEF, _SETSIGMASK, _SETSID (spawn.h of glibc and musl). */
const flags = 0x04 | 0x08 | 0x80;
const unresettable = new Set<number>([system.signals.SIGKILL, system.signals.SIGSTOP]);
/** More than any libc needs for its opaque structures. */
const opaque = 1024;
const WNOHANG = 1;
/** O_CLOEXEC, which Node does not name. */
const closeOnExec = 0o2000000;

type Call = (...values: unknown[]) => number;

let libc: Promise<Libc> | null = null;

interface Libc {
  readonly call: Readonly<Record<'pipe2' | 'spawn' | 'waitpid', Call>>;
  /** File actions and attributes. */
  readonly set: Readonly<Record<'init' | 'dup' | 'open' | 'attributes' | 'flags' | 'defaults' | 'mask', Call>>;
  /** Frees what file actions hold. */
  readonly destroy: Call;
  readonly nameOf: (errno: number) => string;
}

async function load(): Promise<Libc> {
  const { default: koffi } = await import('koffi');
  const library = koffi.load(null);
  const names = new Map(Object.entries(koffi.os.errno).map(([name, value]) => [value, name]));
  const actions = 'posix_spawn_file_actions_';
  const attributes = 'posix_spawnattr_';
  return {
    call: {
      pipe2: library.func('int pipe2(_Out_ int *fds, int flags)'),
      spawn: library.func(
        'int posix_spawn(_Out_ int *pid, const char *path, void *actions, void *attributes, const char **argv, const char **envp)',
      ),
      waitpid: library.func('int waitpid(int pid, _Out_ int *status, int options)'),
    },
    set: {
      init: library.func(`int ${actions}init(void *actions)`),
      dup: library.func(`int ${actions}adddup2(void *actions, int from, int to)`),
      open: library.func(`int ${actions}addopen(void *actions, int fd, const char *path, int flags, int mode)`),
      attributes: library.func(`int ${attributes}init(void *attributes)`),
      flags: library.func(`int ${attributes}setflags(void *attributes, int16_t flags)`),
      defaults: library.func(`int ${attributes}setsigdefault(void *attributes, void *signals)`),
      mask: library.func(`int ${attributes}setsigmask(void *attributes, void *signals)`),
    },
    destroy: library.func(`int ${actions}destroy(void *actions)`),
    nameOf: (errno) => names.get(errno) ?? `errno ${errno}`,
  };
}

/** Starts a program. Rejects with the system error if it cannot be started. */
export async function spawnProgram(request: SpawnRequest): Promise<Child> {
  libc ??= load();
  const { call, set, destroy, nameOf } = await libc;
  const failed = (errno: number) => {
    const code = nameOf(errno);
    return Object.assign(new Error(`${code}: ${request.program}`), { code });
  };
  const pipe = [0, 0];
  if (call.pipe2(pipe, closeOnExec) !== 0) throw failed(system.errno.EMFILE);
  const [read = 0, write = 0] = pipe;
  const actions = Buffer.alloc(opaque);
  const pid = [0];
  set.init(actions);
  try {
    set.open(actions, 0, '/dev/null', constants.O_RDONLY, 0);
    set.dup(actions, write, 1);
    set.dup(actions, write, 2);
    for (const [index, file] of request.files.entries()) set.open(actions, 3 + index, file, constants.O_RDONLY, 0);
    const argv = [request.program, ...request.args, null];
    const envp = [...Object.entries(request.env).map(([name, value]) => `${name}=${value}`), null];
    const errno = call.spawn(pid, request.program, actions, attributesOf(set), argv, envp);
    if (errno !== 0) {
      closeSync(read);
      throw failed(errno);
    }
  } finally {
    destroy(actions);
    closeSync(write);
  }
  const [started = 0] = pid;
  return {
    pid: started,
    output: new Socket({ fd: read, readable: true, writable: false }),
    reap: () => reap(call.waitpid, started),
  };
}

/** As for any program: no signal is ignored (Node ignores SIGPIPE) or held back. */
function attributesOf(set: Libc['set']): Buffer {
  const attributes = Buffer.alloc(opaque);
  const all = Buffer.alloc(128);
  for (const number of Object.values(system.signals)) {
    if (!unresettable.has(number))
      all.writeUInt8(all.readUInt8((number - 1) >> 3) | (1 << ((number - 1) & 7)), (number - 1) >> 3);
  }
  set.attributes(attributes);
  set.flags(attributes, flags);
  set.defaults(attributes, all);
  set.mask(attributes, Buffer.alloc(128));
  return attributes;
}

/** Its output has ended, so it is gone or about to be. */
async function reap(waitpid: Call, pid: number): Promise<ProcessEnd> {
  const status = [0];
  for (let wait = 1; waitpid(pid, status, WNOHANG) === 0; wait = Math.min(wait * 2, 50)) {
    await new Promise((resolve) => {
      setTimeout(resolve, wait);
    });
  }
  const [value = 0] = status;
  const number = value & 0x7f;
  if (number === 0) return { code: (value >> 8) & 0xff, signal: null };
  return { code: null, signal: signalNamed(number) };
}

function signalNamed(number: number): NodeJS.Signals {
  const found = Object.entries(system.signals).find(([, value]) => value === number);
  return (found?.[0] ?? 'SIGKILL') as NodeJS.Signals;
}

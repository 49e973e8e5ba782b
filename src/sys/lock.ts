/**
 * Locks between processes: flock(2). A lock belongs to the open file, so it ends with the process however that dies,
 * and two handles in one process exclude each other too.
 */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf } from './errors.ts';

export type LockKind = 'exclusive' | 'shared';

export interface Lock {
  readonly kind: LockKind;
  readonly fd: number;
  /** Gives the lock back; the file is closed if it was opened here. Doing it twice is harmless. */
  release(): void;
}

export interface LockOptions {
  /** Called once, when the lock is not to be had at once. */
  readonly onWait?: () => void;
  /** Aborting ends the wait: `lock` rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

type Flock = (fd: number, operation: number) => number;

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;
/** File systems without locks (some network mounts). As in cargo, work goes on without. */
const UNSUPPORTED = new Set(['ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'ENOLCK']);

let kernel: Promise<{ readonly flock: Flock; readonly errno: () => string }> | null = null;

/** koffi costs 12 ms and more to load: nobody pays for it who takes no lock. */
function loadKernel() {
  kernel ??= import('koffi').then(({ default: koffi }) => {
    const names = new Map(Object.entries(koffi.os.errno).map(([name, value]) => [value, name]));
    return {
      flock: koffi.load(null).func('int flock(int fd, int operation)') as Flock,
      errno: () => names.get(koffi.errno()) ?? `errno ${koffi.errno()}`,
    };
  });
  return kernel;
}

/**
 * Takes the lock if nobody else holds one that is against it; null: somebody does. A path is opened `O_RDWR|O_CREAT`
 * (close-on-exec, as all files of Node); for a shared lock on a file that may only be read, `O_RDONLY`. Rejects with the
 * system error when the file cannot be opened.
 */
export async function tryLock(target: string | number, kind: LockKind): Promise<Lock | null> {
  const { flock, errno } = await loadKernel();
  for (;;) {
    const fd = typeof target === 'number' ? target : openLockFile(target, kind);
    const close = () => typeof target === 'number' || closeSync(fd);
    if (flock(fd, (kind === 'shared' ? LOCK_SH : LOCK_EX) | LOCK_NB) !== 0) {
      const code = errno();
      if (!UNSUPPORTED.has(code)) {
        close();
        if (code === 'EWOULDBLOCK' || code === 'EAGAIN' || code === 'EINTR') return null;
        throw Object.assign(new Error(`${code}: flock of ${target}`), { code });
      }
    }
    // Whoever deletes a lock file holds it exclusively: a lock on a deleted file excludes nobody, the new file does.
    if (typeof target === 'string' && fstatSync(fd).nlink === 0) {
      closeSync(fd);
      continue;
    }
    let held = true;
    return {
      kind,
      fd,
      release() {
        if (!held) return;
        held = false;
        flock(fd, LOCK_UN);
        close();
      },
    };
  }
}

/** Takes the lock, waiting for as long as it needs without blocking the event loop. Looks again every 1 to 50 ms. */
export async function lock(target: string | number, kind: LockKind, options: LockOptions = {}): Promise<Lock> {
  for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
    options.signal?.throwIfAborted();
    const taken = await tryLock(target, kind);
    if (taken !== null) return taken;
    if (pause === 1) options.onWait?.();
    await sleep(pause);
  }
}

/** `lock.release()`, for those who like verbs. */
export function unlock(lock: Lock): void {
  lock.release();
}

function openLockFile(path: string, kind: LockKind): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT, 0o644);
  } catch (error) {
    const code = errnoOf(error);
    if (kind === 'shared' && (code === 'EACCES' || code === 'EROFS')) return openSync(path, constants.O_RDONLY);
    throw error;
  }
}

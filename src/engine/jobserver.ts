/**
 * The build's job tokens, in a fifo that rustc and the children of build scripts share (GNU make's "POSIX jobserver").
 * `-j N` means N tokens: the first runner holds the implicit one, N - 1 are bytes in the fifo.
 */
import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { errnoOf } from '../sys/errors.ts';
import { makeFifo } from '../sys/fifo.ts';

export interface Jobserver {
  readonly path: string;
  /** Takes a token out of the fifo; false: there is none now. */
  take(): boolean;
  give(): void;
  /** To be called when nothing runs: tokens that killed processes took with them are made anew. */
  refill(): void;
  close(): void;
}

/** Creates the fifo `path` with the tokens for `jobs` jobs. */
export async function openJobserver(path: string, jobs: number): Promise<Jobserver> {
  await makeFifo(path);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const total = Math.max(0, jobs - 1);
  const one = Buffer.from('+');
  const byte = Buffer.alloc(1);
  const take = () => {
    try {
      return readSync(fd, byte) === 1;
    } catch (error) {
      if (errnoOf(error) === 'EAGAIN') return false;
      throw error;
    }
  };
  const give = () => {
    writeSync(fd, one);
  };
  const refill = () => {
    let left = 0;
    while (take()) left++;
    // More than there were: somebody gave back what it had not taken. Never more than `-j` allows.
    for (let count = 0; count < total; count++) give();
    return left;
  };
  refill();
  return {
    path,
    take,
    give,
    refill: () => void refill(),
    close() {
      closeSync(fd);
      unlinkSync(path);
    },
  };
}

/** Where tokens reach no builder, as in a daemon's sandboxes: each job counts as one. */
export const noJobserver: Jobserver = {
  path: '',
  take: () => true,
  give: () => {},
  refill: () => {},
  close: () => {},
};

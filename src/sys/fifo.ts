/** Named pipes. */

/** Creates the fifo `path` for its owner alone. Throws when it cannot. */
export async function makeFifo(path: string): Promise<void> {
  const { default: koffi } = await import('koffi');
  const mkfifo = koffi.load(null).func('int mkfifo(const char *path, uint32_t mode)');
  if (mkfifo(path, 0o600) !== 0) throw new Error(`mkfifo ${path}: error ${koffi.errno()}`);
}

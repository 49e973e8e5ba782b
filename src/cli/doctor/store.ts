/** What `drydock doctor` says of the store's place. */
import { constants, copyFile, mkdtemp, rm, stat, statfs, writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import type { Finding } from './finding.ts';

/** Whether the store's place can be written, on what file system it is, and whether there is room. Leaves nothing behind. */
export async function store(place: string): Promise<Finding[]> {
  const ancestor = await existing(path.resolve(place));
  let trial: string;
  try {
    trial = await mkdtemp(path.join(ancestor, '.drydock-doctor-'));
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    const todo = 'make it writable for you, or name another place with DRYDOCK_STORE';
    return [{ state: 'missing', seen: `store ${place}: cannot be written (${said})`, todo }];
  }
  try {
    const { type, bavail, bsize } = await statfs(trial);
    const fileSystem = FILE_SYSTEMS.get(type) ?? `file system 0x${type.toString(16)}`;
    const clones = await canClone(trial);
    const about = clones
      ? 'files can be cloned'
      : 'no file clones: state of a killed compiler that optimises is dropped, not rolled back';
    return [
      { state: 'ok', seen: `store ${place}: writable, ${fileSystem}, ${about}` },
      ...(REMOTE.has(fileSystem) ? [remote(fileSystem)] : []),
      room(bavail * bsize),
    ];
  } finally {
    await rm(trial, { recursive: true, force: true });
  }
}

function remote(fileSystem: string): Finding {
  const todo = 'name a place on a local disk with DRYDOCK_STORE';
  return { state: 'note', seen: `the store is on ${fileSystem}: slow, and locks between machines do not hold`, todo };
}

function room(bytes: number): Finding {
  const gib = bytes / 2 ** 30;
  const seen = `free space for the store: ${gib.toFixed(1)} GiB`;
  const todo = 'make room, or name another place with DRYDOCK_STORE';
  if (gib < 1) return { state: 'missing', seen, todo };
  return gib < 10 ? { state: 'note', seen: `${seen}; a store grows to about 10 GiB`, todo } : { state: 'ok', seen };
}

async function existing(place: string): Promise<string> {
  for (let at = place; ; at = path.dirname(at)) {
    const found = await stat(at).catch(() => null);
    if (found !== null || at === '/') return at;
  }
}

async function canClone(directory: string): Promise<boolean> {
  const original = path.join(directory, 'original');
  await writeFile(original, 'x'.repeat(8192));
  return copyFile(original, path.join(directory, 'clone'), constants.COPYFILE_FICLONE_FORCE).then(
    () => true,
    () => false,
  );
}

/** From the kernel's linux/magic.h. */
const FILE_SYSTEMS = new Map([
  [0xef53, 'ext4'],
  [0x9123683e, 'btrfs'],
  [0x58465342, 'xfs'],
  [0x01021994, 'tmpfs'],
  [0x794c7630, 'overlayfs'],
  [0x2fc12fc1, 'zfs'],
  [0xca451a4e, 'bcachefs'],
  [0xf2f52010, 'f2fs'],
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
]);
const REMOTE = new Set(['NFS', 'CIFS', 'SMB']);

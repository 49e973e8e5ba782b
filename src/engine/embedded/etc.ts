/** The files of `/etc` that a sandbox has of its own, as Nix writes them. */
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { makeDirectories } from '../../sys/directories.ts';

const files = {
  passwd: [
    'root:x:0:0:Nix build user:/build:/noshell',
    'nixbld:x:1000:100:Nix build user:/build:/noshell',
    'nobody:x:65534:65534:Nobody:/:/noshell',
  ],
  group: ['root:x:0:', 'nixbld:!:100:', 'nogroup:x:65534:'],
  hosts: ['127.0.0.1 localhost', '::1 localhost'],
};

/** Writes them into the new directory `directory`, with a place for each part of the host's `/etc` that is bound. */
export function writeEtc(directory: string): void {
  makeDirectories(path.join(directory, 'alternatives'));
  for (const [name, lines] of Object.entries(files)) writeFileSync(path.join(directory, name), `${lines.join('\n')}\n`);
  writeFileSync(path.join(directory, 'ld.so.cache'), '');
}

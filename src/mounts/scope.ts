/** The random scope of an owner: a name that nobody else can guess, so that nobody else's derivations are ours. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { createExclusive, replaceFile } from '../sys/durable.ts';
import { makeDirectories } from '../sys/directories.ts';

/**
 * The scope kept in `directory`, 32 hex digits; made at first use, and anew where the file is damaged (a power cut may
 * leave it empty): that costs one build of the dev lane.
 */
export function ownerScope(directory: string): string {
  const file = path.join(directory, 'scope');
  const read = (): string | null => {
    try {
      const text = readFileSync(file, 'utf8').trim();
      return /^[0-9a-f]{32}$/.test(text) ? text : null;
    } catch {
      return null;
    }
  };
  const known = read();
  if (known !== null) return known;
  makeDirectories(directory);
  const text = `${randomBytes(16).toString('hex')}\n`;
  // Whoever comes second takes the first one's; only what cannot be read is replaced.
  if (!createExclusive(file, text, 0o600) && read() === null) replaceFile(file, text, 0o600);
  const made = read();
  if (made === null) throw new Error(`${file} cannot be read back`);
  return made;
}

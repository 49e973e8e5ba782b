/** drydock where every user may run it: the tree of a checkout often lies where only its owner may look. */
import { cpSync, existsSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = fileURLToPath(new URL('..', import.meta.url));

/** Copies the bundle and what it needs into `directory`; answers the program's path there. */
export function installInto(directory: string): string {
  const parts = ['dist', 'builder', 'node_modules/koffi', 'node_modules/@koromix'];
  for (const part of parts) {
    const from = path.join(checkout, part);
    if (existsSync(from)) cpSync(from, path.join(directory, part), { recursive: true });
  }
  return path.join(directory, 'dist/drydock.mjs');
}

// Drydock as an ordinary installation gives it: packed, then installed from the archive into a prefix of its own.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Installs the working tree's drydock below `dir`; gives the path of its command. */
export function installDrydock(dir) {
  const place = path.join(dir, 'installed');
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: 'inherit' });
  const [packed] = JSON.parse(npm(['pack', '--json', '--ignore-scripts', '--pack-destination', place]));
  npm([
    'install',
    '--global',
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
    '--prefix',
    place,
    path.join(place, packed.filename),
  ]);
  return path.join(place, 'bin/drydock');
}

function npm(args) {
  const running = process.env.npm_execpath;
  const [program, first] = running?.endsWith('.js') ? [process.execPath, [running]] : ['npm', []];
  return execFileSync(program, [...first, ...args], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

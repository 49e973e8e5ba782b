import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { atLeast, doctor } from '../../src/cli/doctor/doctor.ts';

let place: string;
beforeEach(() => {
  place = mkdtempSync(path.join(tmpdir(), 'drydock-doctor-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(place, { recursive: true });
});

async function ask(store = path.join(place, 'store')): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const code = await doctor({ store, print: (line) => lines.push(line) });
  return { code, lines };
}

test('a machine that can build gets exit code 0 and no missing line', async () => {
  const { code, lines } = await ask();
  expect(lines.filter((line) => line.startsWith('MISSING'))).toEqual([]);
  expect(lines.join('\n')).toMatch(/ok {7}cargo 1\.\d+\.\d+/);
  expect(lines.join('\n')).toContain('a sandbox can be made');
  expect(lines.join('\n')).toContain(`store ${place}/store: writable`);
  expect(code).toBe(0);
});

test('a program that is not on PATH is named, with what to do', async () => {
  vi.stubEnv('PATH', place);
  vi.stubEnv('CARGO', '');
  delete process.env['CARGO'];
  const { code, lines } = await ask();
  expect(code).toBe(1);
  for (const name of ['cargo', 'rustc', 'cc', 'bubblewrap']) {
    const at = lines.findIndex((line) => line.startsWith('MISSING') && line.includes(name));
    expect(at, name).toBeGreaterThanOrEqual(0);
    expect(lines[at + 1]).toContain('to do: ');
  }
});

test('a bubblewrap that fails is told with its own words', async () => {
  writeFileSync(
    path.join(place, 'bwrap'),
    '#!/bin/sh\n[ "$1" = --version ] && { echo bubblewrap 0.8.0; exit 0; }\necho "bwrap: No permissions to create new namespace" >&2; exit 1\n',
    { mode: 0o755 },
  );
  vi.stubEnv('PATH', `${place}:${process.env['PATH'] ?? ''}`);
  const { code, lines } = await ask();
  expect(code).toBe(1);
  expect(lines.join('\n')).toContain('no sandbox can be made (bwrap: No permissions to create new namespace)');
});

test('a cargo that is too old is missing, with its version', async () => {
  writeFileSync(path.join(place, 'cargo'), '#!/bin/sh\necho "cargo 1.63.0 (fd9c4297c 2022-07-01)"\n', { mode: 0o755 });
  vi.stubEnv('CARGO', path.join(place, 'cargo'));
  const { code, lines } = await ask();
  expect(code).toBe(1);
  expect(lines).toContain('MISSING  cargo 1.63.0 (fd9c4297c 2022-07-01) is too old');
});

test('a store below a file cannot be written', async () => {
  writeFileSync(path.join(place, 'file'), '');
  symlinkSync('/proc', path.join(place, 'proc'));
  for (const store of [path.join(place, 'file'), path.join(place, 'proc/store')]) {
    const { code, lines } = await ask(store);
    expect(code, store).toBe(1);
    expect(lines.join('\n')).toContain(`store ${store}: cannot be written`);
  }
});

test('versions are compared as numbers', () => {
  expect(atLeast('1.100.0', [1, 85])).toBe(true);
  expect(atLeast('1.9.0', [1, 85])).toBe(false);
  expect(atLeast('2.0.0', [1, 85])).toBe(true);
  expect(atLeast('1.85.0', [1, 85])).toBe(true);
});

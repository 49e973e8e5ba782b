import { expect, test } from 'vitest';

interface Summary {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}
const { median, summary, table } = (await import(new URL('../../bench/figures.mjs', import.meta.url).href)) as {
  median: (samples: readonly number[]) => number;
  summary: (samples: readonly number[]) => Summary | null;
  table: (rows: readonly { title: string; cargo: number[]; drydock: number[]; goal?: string }[]) => string;
};
const { measure } = (await import(new URL('../../bench/measure.mjs', import.meta.url).href)) as {
  measure: (
    command: string[],
    options: { cwd: string; env: NodeJS.ProcessEnv },
  ) => Promise<{ seconds: number; peak: number; compiled: number }>;
};

test('the median of samples in any order; between the two in the middle of an even number', () => {
  expect(median([10, 9, 100])).toBe(10);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(summary([])).toBeNull();
  expect(summary([2, 1, 3])).toEqual({ median: 2, least: 1, most: 3 });
});

test('the table holds medians, spreads and the ratio of the medians; a row without samples says so', () => {
  const lines = table([
    { title: 'edit', cargo: [16, 20, 18], drydock: [9, 9.5, 8], goal: '<= 1.10' },
    { title: 'off', cargo: [], drydock: [] },
  ]).split('\n');
  expect(lines[2]).toBe('| edit | 18.0 (16.0-20.0) | 9.000 (8.000-9.500) | 0.500 | <= 1.10 |');
  expect(lines[3]).toBe('| off | - | - | - |  |');
});

test('a measured process is told with its own peak memory, and not with that of its children', async () => {
  const wait = 'setTimeout(() => {}, 200)';
  const big = `Buffer.alloc(300 << 20, 1); ${wait}`;
  const parent = `require('node:child_process').spawnSync(process.execPath, ['-e', ${JSON.stringify(big)}]);`;
  const here = { cwd: process.cwd(), env: process.env };
  const own = await measure([process.execPath, '-e', big], here);
  const child = await measure([process.execPath, '-e', parent], here);
  expect(own.peak).toBeGreaterThan(300 << 20);
  expect(child.peak).toBeLessThan(200 << 20);
  expect(own.seconds).toBeGreaterThan(0.2);
});

test('a build that fails rejects with what it said', async () => {
  const failing = measure(['sh', '-c', 'echo "error: no such thing" >&2; exit 3'], {
    cwd: process.cwd(),
    env: process.env,
  });
  await expect(failing).rejects.toThrow(/exit code 3\nerror: no such thing/);
});

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { machineDirectory } from '../../src/sys/machine-directory.ts';

const uid = process.geteuid?.() ?? 0;
let parent: string;

beforeEach(() => {
  parent = fs.mkdtempSync(path.join(os.tmpdir(), 'machine-'));
});
afterEach(() => fs.rmSync(parent, { recursive: true, force: true }));

test('it is made once, for its owner alone', () => {
  const place = path.join(parent, `drydock-${uid}`);
  expect(machineDirectory(parent)).toBe(place);
  expect(fs.statSync(place).mode & 0o777).toBe(0o700);
  fs.chmodSync(parent, 0o1777);
  expect(machineDirectory(parent)).toBe(place);
});

test('what others could have put there is not trusted', () => {
  const place = path.join(parent, `drydock-${uid}`);
  const elsewhere = path.join(parent, 'elsewhere');
  fs.mkdirSync(elsewhere);
  fs.symlinkSync(elsewhere, place);
  expect(machineDirectory(parent)).toBe(null);
  fs.rmSync(place);
  fs.mkdirSync(place);
  fs.chmodSync(place, 0o777);
  expect(machineDirectory(parent)).toBe(null);
  fs.chmodSync(place, 0o700);
  fs.chmodSync(parent, 0o777);
  expect(machineDirectory(parent)).toBe(null);
});

test.runIf(uid === 0)('the directory of another user is not trusted', () => {
  fs.mkdirSync(path.join(parent, `drydock-${uid}`));
  fs.chownSync(path.join(parent, `drydock-${uid}`), 1234, 1234);
  expect(machineDirectory(parent)).toBe(null);
});

test('no parent, no directory', () => {
  expect(machineDirectory(path.join(parent, 'missing'))).toBe(null);
});

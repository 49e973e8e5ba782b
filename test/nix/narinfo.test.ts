import { createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { sha256 } from '../../src/nix/hash.ts';
import { narInfoFingerprint, parseNarInfo, printNarInfo } from '../../src/nix/narinfo.ts';
import type { NarInfo } from '../../src/nix/narinfo.ts';
import { sourcePath, splitStorePath } from '../../src/nix/store-path.ts';
import type { StorePath } from '../../src/nix/types.ts';
import { useNix } from './tools.ts';

const nix = useNix();

function parse(text: string): NarInfo {
  const read = parseNarInfo(text);
  if (!read.ok) throw new Error(read.message);
  return read.value;
}

test('the files of a signed cache that nix copy wrote: read, printed, and their signatures verified', () => {
  const tools = nix();
  const secret = path.join(tools.directory, 'key');
  const publicKey = path.join(tools.directory, 'key.pub');
  tools.bytes('nix-store', ['--generate-binary-cache-key', 'cache-1', secret, publicKey]);
  const expression = 'let a = builtins.toFile "a" "A"; b = builtins.toFile "b" "B"; in builtins.toFile "c" "${b} ${a}"';
  const [printed] = tools.inStore('nix-instantiate', ['--eval', '--read-write-mode', '-E', expression]);
  const top = JSON.parse(printed ?? '') as StorePath;
  const references = tools.inStore('nix-store', ['--query', '--references', top]) as StorePath[];
  const cache = path.join(tools.directory, 'cache');
  tools.bytes('nix', [
    'copy',
    '--from',
    tools.storeRoot,
    '--to',
    `file://${cache}?secret-key=${secret}`,
    '--no-check-sigs',
    top,
  ]);

  const raw = Buffer.from(readFileSync(publicKey, 'utf8').split(':')[1] ?? '', 'base64');
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' });
  for (const one of [top, ...references]) {
    const text = readFileSync(path.join(cache, `${splitStorePath(one).hash}.narinfo`), 'utf8');
    const info = parse(text);
    expect(printNarInfo(info)).toBe(text);
    expect(info.storePath).toBe(one);
    expect(info.references).toEqual(one === top ? references.toSorted() : []);
    const signature = Buffer.from(info.signatures[0]?.split(':')[1] ?? '', 'base64');
    expect(verify(null, Buffer.from(narInfoFingerprint(info)), key, signature)).toBe(true);
  }
});

const info: NarInfo = {
  storePath: sourcePath('libfoo', sha256('1')),
  url: 'nar/1.nar.xz',
  compression: 'xz',
  fileHash: sha256('2'),
  fileSize: 100,
  narHash: sha256('3'),
  narSize: 4096,
  references: [sourcePath('b', sha256('b')), sourcePath('a', sha256('a'))].toSorted(),
  deriver: `${sourcePath('libfoo', sha256('4'))}.drv` as StorePath,
  signatures: ['one:AA==', 'two:BB=='],
  contentAddress: null,
};

test('everything that is printed is read back', () => {
  for (const one of [
    info,
    { ...info, deriver: null, fileHash: null, fileSize: null, signatures: [], references: [] },
  ]) {
    expect(parse(printNarInfo(one))).toEqual(one);
  }
  expect(parse(printNarInfo({ ...info, contentAddress: 'text:sha256:x' })).contentAddress).toBe('text:sha256:x');
});

test('fields that Nix leaves out or adds', () => {
  const text = printNarInfo(info);
  expect(parse(text.replace('Compression: xz\n', '')).compression).toBe('bzip2');
  expect(parse(text.replace(/Deriver: .*/, 'Deriver: unknown-deriver')).deriver).toBeNull();
  expect(parse(`${text}System: x86_64-linux\n`)).toEqual(info);
});

test('a field that is missing, repeated or not what it should be is an error that names it', () => {
  const text = printNarInfo(info);
  for (const field of ['StorePath', 'URL', 'NarHash', 'NarSize']) {
    expect(parseNarInfo(text.replace(new RegExp(`^${field}: .*\n`, 'm'), ''))).toMatchObject({ ok: false });
    expect(parseNarInfo(`${text}${field}: x\n`)).toMatchObject({ ok: false, position: text.length });
  }
  for (const [field, value] of [
    ['StorePath', '/tmp/x'],
    ['NarHash', 'sha256:1'],
    ['NarHash', sha256('3')],
    ['NarSize', '-1'],
    ['NarSize', '0'],
    ['FileSize', '1e3'],
    ['References', '../x'],
    ['Deriver', 'x'],
  ] as const) {
    const read = parseNarInfo(text.replace(new RegExp(`^${field}: .*$`, 'm'), `${field}: ${value}`));
    expect(read.ok ? 'accepted' : read.message, value).toContain(field);
  }
  expect(parseNarInfo('no colon here')).toMatchObject({ ok: false, position: 0 });
});

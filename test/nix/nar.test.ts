import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sha256 } from '../../src/nix/hash.ts';
import { NarError, narBytes, narHash, narHashSync, narSize, writeNar } from '../../src/nix/nar.ts';
import { NarTree, parseNar, readNar } from '../../src/nix/nar-read.ts';
import type { NarEnd } from '../../src/nix/nar-read.ts';
import type { NarNode } from '../../src/nix/types.ts';
import { useNix } from './tools.ts';

const nix = useNix();
type Directory = Extract<NarNode, { type: 'directory' }>;

const part = fc.constantFrom(
  'a',
  'A',
  '.',
  '-',
  ' ',
  '\n',
  '"',
  '\\',
  '*',
  'é',
  '日',
  '\uffee',
  '😀',
  '\u0001',
  '~',
  '(',
);
const name = fc
  .array(part, { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join(''))
  .filter((text) => text !== '.' && text !== '..');
const contents = fc.oneof(
  fc.constant(new Uint8Array()),
  fc.uint8Array({ maxLength: 20 }),
  fc.nat(20_000).map((size) => new Uint8Array(size).fill(size & 255)),
);
const { tree } = fc.letrec<{ node: NarNode; tree: Directory }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.record({ bytes: contents, executable: fc.boolean() }).map(({ bytes, executable }) => regular(bytes, executable)),
    name.map((target): NarNode => ({ type: 'symlink', target })),
    tie('tree'),
  ),
  tree: fc
    .uniqueArray(fc.record({ name, node: tie('node') }), { maxLength: 6, selector: (entry) => entry.name })
    .map((entries): Directory => ({ type: 'directory', entries })),
}));

function regular(bytes: Uint8Array, executable = false): NarNode {
  return { type: 'regular', executable, size: bytes.length, contents: bytes };
}

function directory(entries: Record<string, NarNode>): Directory {
  return { type: 'directory', entries: Object.entries(entries).map(([name, node]) => ({ name, node })) };
}

/** Puts a tree on the disk. */
function lay(node: NarNode, place: string): void {
  switch (node.type) {
    case 'regular':
      writeFileSync(place, node.contents as Uint8Array, { mode: node.executable ? 0o755 : 0o644 });
      return;
    case 'symlink':
      symlinkSync(node.target, place);
      return;
    case 'directory':
      mkdirSync(place);
      for (const entry of node.entries) lay(entry.node, path.join(place, entry.name));
  }
}

/** The same tree, with each file's contents as a stream of chunks. */
function streamed(node: NarNode, chunkSize: number): NarNode {
  if (node.type === 'symlink') return node;
  if (node.type === 'regular') return { ...node, contents: () => chunks(node.contents as Uint8Array, chunkSize) };
  return { ...node, entries: node.entries.map((entry) => ({ ...entry, node: streamed(entry.node, chunkSize) })) };
}

async function* chunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function readInChunks(bytes: Uint8Array, size: number): Promise<{ node: NarNode | null; end: NarEnd }> {
  const made = new NarTree();
  for await (const event of readNar(chunks(bytes, size))) {
    if (event.type === 'end') return { node: made.root(), end: event };
    if (event.type === 'malformed') return { node: null, end: event };
    made.add(event);
  }
  throw new Error('neither end nor malformed');
}

describe('a NAR is that of nix-store --dump', () => {
  test('of random trees', async () => {
    let round = 0;
    await fc.assert(
      fc.asyncProperty(tree, fc.integer({ min: 1, max: 9000 }), async (node, chunkSize) => {
        const place = path.join(nix().directory, `tree-${round++}`);
        lay(node, place);
        const dumped = nix().bytes('nix-store', ['--dump', place]);
        expect(dumped.equals(narBytes(node))).toBe(true);
        expect(narSize(node)).toBe(dumped.length);
        expect(narHashSync(node)).toBe(sha256(dumped));
        expect(await narHash(streamed(node, chunkSize))).toBe(sha256(dumped));
      }),
      { numRuns: 25 },
    );
  });

  test('of a file, an executable and a symlink as the root', () => {
    const roots = [regular(Buffer.from('text')), regular(new Uint8Array(), true), { type: 'symlink', target: '../x' }];
    for (const [index, node] of (roots as NarNode[]).entries()) {
      const place = path.join(nix().directory, `root-${index}`);
      lay(node, place);
      expect(nix().bytes('nix-store', ['--dump', place]).equals(narBytes(node))).toBe(true);
    }
  });

  test('and nix-store --restore makes the tree of ours', () => {
    const bytes = narBytes(
      directory({ '😀': regular(Buffer.from('1')), '\uffee': regular(new Uint8Array(), true), z: directory({}) }),
    );
    const place = path.join(nix().directory, 'restored');
    nix().bytes('nix-store', ['--restore', place], bytes);
    expect(nix().bytes('nix-store', ['--dump', place]).equals(bytes)).toBe(true);
  });
});

describe('writing', () => {
  test('names are sorted by their bytes', () => {
    const node = directory({
      '😀': regular(new Uint8Array()),
      '\uffee': regular(new Uint8Array()),
      'a-': directory({}),
      a: directory({}),
    });
    const read = parseNar(narBytes(node));
    expect(read.ok && read.value.type === 'directory' && read.value.entries.map((entry) => entry.name)).toEqual([
      'a',
      'a-',
      '\uffee',
      '😀',
    ]);
  });

  test.each(['', '.', '..', 'a/b', 'a\0b', '\ud800'])('the name %j is an error that names the directory', (bad) => {
    const node = directory({ inner: directory({ [bad]: regular(new Uint8Array()) }) });
    expect(() => narBytes(node)).toThrow(NarError);
    expect(() => narBytes(node)).toThrow('"inner"');
  });

  test('the same name twice, and a target that no symlink has', () => {
    const twice: NarNode = {
      type: 'directory',
      entries: [...directory({ a: directory({}) }).entries, ...directory({ a: directory({}) }).entries],
    };
    expect(() => narHashSync(twice)).toThrow(
      expect.objectContaining({ problem: { kind: 'duplicate', path: '', name: 'a' } }),
    );
    for (const target of ['', 'a\0', '\udfff']) expect(() => narBytes({ type: 'symlink', target })).toThrow(NarError);
  });

  test('a file that is shorter or longer than it was is an error', async () => {
    for (const size of [2, 4]) {
      const file: NarNode = { type: 'regular', executable: false, size, contents: () => chunks(Buffer.from('abc'), 2) };
      await expect(narHash(directory({ file }))).rejects.toMatchObject({
        problem: { kind: 'size', path: 'file', expected: size },
      });
    }
    expect(() => narBytes({ type: 'regular', executable: false, size: 2, contents: Buffer.from('abc') })).toThrow(
      NarError,
    );
  });

  test('memory is not copied: large contents are handed on as they are', async () => {
    const large = new Uint8Array(100_000);
    const pieces: Uint8Array[] = [];
    for await (const piece of writeNar(directory({ large: regular(large) }))) pieces.push(piece);
    expect(pieces).toContain(large);
  });
});

describe('reading', () => {
  test('gives the tree back, from bytes and from a stream in chunks of any size', async () => {
    await fc.assert(
      fc.asyncProperty(tree, fc.integer({ min: 1, max: 3000 }), async (node, size) => {
        const bytes = narBytes(node);
        const read = parseNar(bytes);
        expect(read.ok && sha256(narBytes(read.value))).toBe(sha256(bytes));
        const inChunks = await readInChunks(bytes, size);
        expect(inChunks.end).toEqual({ type: 'end' });
        expect(inChunks.node && narHashSync(inChunks.node)).toBe(sha256(bytes));
      }),
      { numRuns: 60 },
    );
  });

  test('bytes that are changed are refused, or are the NAR of another tree', () => {
    const good = narBytes(
      directory({ a: regular(Buffer.from('text'), true), b: { type: 'symlink', target: 'a' }, c: directory({}) }),
    );
    for (let at = 0; at < good.length; at++) {
      for (const flip of [1, 0x20, 0x80]) {
        const changed = Buffer.from(good);
        changed[at] = (changed[at] ?? 0) ^ flip;
        const read = parseNar(changed);
        expect(read.ok ? changed.equals(narBytes(read.value)) : read.position <= good.length).toBe(true);
      }
    }
  });

  test('bytes that end early or go on are refused, whatever the chunks', async () => {
    const good = narBytes(directory({ a: regular(Buffer.from('text'), true) }));
    for (let length = 0; length < good.length; length++) {
      expect(parseNar(good.subarray(0, length)).ok).toBe(false);
    }
    const more = Buffer.concat([good, Buffer.alloc(1)]);
    expect(parseNar(more)).toMatchObject({ ok: false, position: good.length });
    for (const size of [1, 8, good.length]) {
      expect((await readInChunks(more, size)).end).toMatchObject({ type: 'malformed', position: good.length });
      expect((await readInChunks(good.subarray(0, -1), size)).end).toMatchObject({ type: 'malformed' });
    }
  });

  test('names that lead out of the tree, unsorted and repeated names are refused', () => {
    const good = Buffer.from(narBytes(directory({ aa: directory({}), bb: directory({}) })));
    const replaced = (from: string, to: string): Uint8Array => {
      const changed = Buffer.from(good);
      changed.write(to, changed.indexOf(from));
      return changed;
    };
    for (const name of ['..', 'a/', 'a\0', 'cc', 'bb']) {
      expect(parseNar(replaced('aa', name)), name).toMatchObject({ ok: false });
    }
    const latin = Buffer.from(good);
    latin[latin.indexOf('aa')] = 0xe9;
    expect(parseNar(latin)).toMatchObject({ ok: false, message: expect.stringContaining('UTF-8') as string });
  });

  test('an archive that is nested deep does not exhaust the stack', () => {
    const depth = 5000;
    const one = narBytes(directory({ a: directory({}) }));
    const inner = Buffer.from(narBytes(directory({}))).subarray(24);
    const at = Buffer.from(one).indexOf(inner, 32);
    const before = one.subarray(24, at);
    const after = one.subarray(at + inner.length);
    const layers = (layer: Uint8Array): Uint8Array[] => Array.from({ length: depth }, () => layer);
    const deep = Buffer.concat([one.subarray(0, 24), ...layers(before), inner, ...layers(after)]);
    expect(parseNar(deep).ok).toBe(true);
  });

  test('the stream is closed when reading stops', async () => {
    let closed = false;
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield await Promise.resolve(new Uint8Array(16));
      } finally {
        closed = true;
      }
    }
    for await (const event of readNar(endless())) expect(event.type).toBe('malformed');
    expect(closed).toBe(true);
  });
});

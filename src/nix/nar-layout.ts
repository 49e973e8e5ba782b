/** The order of the bytes in a NAR: frames, and between them the contents of files. */
import { ByteWriter } from './byte-writer.ts';
import { childPath, NarError, narNameProblem, narTargetProblem } from './nar-rules.ts';
import { compareBytes } from './order.ts';
import type { NarNode } from './types.ts';

type Regular = Extract<NarNode, { type: 'regular' }>;
type Directory = Extract<NarNode, { type: 'directory' }>;

/** Contents that are read when their turn comes. */
export interface NarStream {
  readonly path: string;
  readonly size: number;
  readonly open: () => AsyncIterable<Uint8Array>;
}

/** Contents up to this size are copied into the frame around them: fewer pieces. */
const smallFile = 4096;

const tokens = {
  archive: token('nix-archive-1'),
  openRegular: join('(', 'type', 'regular'),
  executable: join('executable', ''),
  contents: token('contents'),
  openSymlink: join('(', 'type', 'symlink', 'target'),
  openDirectory: join('(', 'type', 'directory'),
  openEntry: join('entry', '(', 'name'),
  node: token('node'),
  close: token(')'),
} as const;

/** All pieces of a tree's NAR, in order. Throws `NarError`. */
export function narPieces(root: NarNode): (Uint8Array | NarStream)[] {
  const pieces: (Uint8Array | NarStream)[] = [];
  let frame = new ByteWriter(512);
  frame.bytes(tokens.archive);

  const write = (node: NarNode, path: string): void => {
    switch (node.type) {
      case 'regular':
        return regular(node, path);
      case 'symlink':
        checkTarget(node.target, path);
        frame.bytes(tokens.openSymlink);
        text(frame, node.target);
        frame.bytes(tokens.close);
        return;
      case 'directory':
        frame.bytes(tokens.openDirectory);
        for (const entry of sortedChildren(node, path)) {
          frame.bytes(tokens.openEntry);
          text(frame, entry.name);
          frame.bytes(tokens.node);
          write(entry.node, childPath(path, entry.name));
          frame.bytes(tokens.close);
        }
        frame.bytes(tokens.close);
    }
  };

  const regular = ({ executable, size, contents }: Regular, path: string): void => {
    frame.bytes(tokens.openRegular);
    if (executable) frame.bytes(tokens.executable);
    frame.bytes(tokens.contents).bytes(length(size));
    if (contents instanceof Uint8Array) {
      if (contents.length !== size) throw new NarError({ kind: 'size', path, expected: size, seen: contents.length });
      if (size <= smallFile) frame.bytes(contents);
      else place(contents);
    } else {
      place({ path, size, open: contents });
    }
    frame.bytes(padding(size)).bytes(tokens.close);
  };

  const place = (piece: Uint8Array | NarStream): void => {
    pieces.push(frame.view(), piece);
    frame = new ByteWriter(512);
  };

  write(root, '');
  pieces.push(frame.view());
  return pieces;
}

/** Length of the NAR, from the sizes of the files alone. Names are not checked. */
export function narSize(node: NarNode): number {
  return tokens.archive.length + nodeSize(node);
}

function nodeSize(node: NarNode): number {
  switch (node.type) {
    case 'regular': {
      const frame = tokens.openRegular.length + tokens.contents.length + tokens.close.length;
      return frame + (node.executable ? tokens.executable.length : 0) + tokenSize(node.size);
    }
    case 'symlink':
      return tokens.openSymlink.length + tokenSize(Buffer.byteLength(node.target)) + tokens.close.length;
    case 'directory': {
      const frame = tokens.openEntry.length + tokens.node.length + tokens.close.length;
      return node.entries.reduce(
        (sum, entry) => sum + frame + tokenSize(Buffer.byteLength(entry.name)) + nodeSize(entry.node),
        tokens.openDirectory.length + tokens.close.length,
      );
    }
  }
}

function sortedChildren(node: Directory, path: string): Directory['entries'] {
  const sorted = node.entries.toSorted((left, right) => compareBytes(left.name, right.name));
  let previous: string | null = null;
  for (const { name } of sorted) {
    const problem = narNameProblem(name);
    if (problem === 'name') throw new NarError({ kind: 'name', path, name });
    if (problem === 'encoding') throw new NarError({ kind: 'encoding', path, text: name });
    if (name === previous) throw new NarError({ kind: 'duplicate', path, name });
    previous = name;
  }
  return sorted;
}

function checkTarget(target: string, path: string): void {
  const problem = narTargetProblem(target);
  if (problem === 'target') throw new NarError({ kind: 'target', path, target });
  if (problem === 'encoding') throw new NarError({ kind: 'encoding', path, text: target });
}

function text(frame: ByteWriter, value: string): void {
  frame.bytes(token(value));
}

function join(...values: string[]): Uint8Array {
  return Buffer.concat(values.map(token));
}

/** A string as a NAR holds it: length as 64 bits, bytes, zeros up to a multiple of 8. */
function token(value: string): Uint8Array {
  const bytes = Buffer.from(value);
  return Buffer.concat([length(bytes.length), bytes, padding(bytes.length)]);
}

function tokenSize(size: number): number {
  return 8 + Math.ceil(size / 8) * 8;
}

function length(size: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(size));
  return bytes;
}

function padding(size: number): Uint8Array {
  return new Uint8Array((8 - (size % 8)) % 8);
}

/** The store of a daemon: what is valid in it, adding to it, keeping it from being collected. */
import {
  type AddMethod,
  addIndirectRoot,
  addTempRoots,
  addToStore,
  endOfFrames,
  narFromPath,
  queryPathInfo,
  queryValidPaths,
} from '../../nix/worker-protocol.ts';
import type { PathInfo } from '../../nix/narinfo.ts';
import { splitStorePath } from '../../nix/store-path.ts';
import type { SealedDerivation, StorePath } from '../../nix/types.ts';
import { readKeyedPathInfo, readPathInfo, readStorePaths } from '../../nix/worker-replies.ts';
import { WireWriter, readNumber } from '../../nix/worker-wire.ts';
import type { SourceInput } from '../types.ts';
import type { Connection } from './connection.ts';
import { Refusal, refused, unreadable } from './failures.ts';
import { UserError, errnoOf } from '../../sys/errors.ts';
import { fileContents, treeNar } from './tree.ts';

/** Frames are cut and filled to this size. */
const frameSize = 1 << 16;

export class RemoteStore {
  readonly #connection: Connection;
  /** Paths that are valid and cannot be collected before the connection ends. */
  readonly #held = new Set<StorePath>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Which of `paths` are valid; these are kept from being collected as long as the connection lasts. One round trip. */
  async valid(paths: readonly StorePath[]): Promise<ReadonlySet<StorePath>> {
    const asked = paths.filter((path) => !this.#held.has(path));
    if (asked.length > 0) {
      // The root comes first: what is seen to be valid afterwards stays so.
      const rooted = asked.map((_, index) =>
        this.#ask('protect a path', index === 0 ? addTempRoots(asked) : nothing, readNumber),
      );
      const [valid] = await Promise.all([
        this.#ask('tell which paths are valid', queryValidPaths(asked), readStorePaths),
        ...rooted,
      ]);
      for (const path of valid) this.#held.add(path);
    }
    return new Set(paths.filter((path) => this.#held.has(path)));
  }

  /** Adds a source. The path that the contents have; another one than the source's if the files have changed. */
  async addSource(source: SourceInput): Promise<StorePath> {
    const { name } = splitStorePath(source.path);
    try {
      return await this.#addAs(name, source);
    } catch (error) {
      throw error instanceof UserError || errnoOf(error) === null ? error : unreadable(error);
    }
  }

  async #addAs(name: string, source: SourceInput): Promise<StorePath> {
    switch (source.kind) {
      case 'text':
        return this.#add(name, 'text', [], [Buffer.from(source.text)]);
      case 'file':
        return this.#add(name, 'flat', [], fileContents(source.from));
      case 'tree':
        return this.#add(name, 'nar', [], treeNar(source.files));
      case 'store-path':
        throw new Error(`${source.path} cannot be added by its contents`);
      case 'host-directory': {
        if (source.files === undefined) throw new Error(`the files of ${source.path} are not known`);
        return this.#add(name, 'nar', [], treeNar(source.files));
      }
    }
  }

  /** Adds a `.drv`, whose references must be valid. */
  async addDerivation({ drvPath, aterm, derivation }: SealedDerivation): Promise<void> {
    const references = [...derivation.inputSrcs, ...(Object.keys(derivation.inputDrvs) as StorePath[])].sort();
    await this.addText(drvPath, aterm, references);
  }

  /** Adds a text that has this path. */
  async addText(path: StorePath, text: string, references: readonly StorePath[]): Promise<void> {
    const added = await this.#add(splitStorePath(path).name, 'text', references, [Buffer.from(text)]);
    if (added !== path) throw new Error(`the daemon computes another path: ${added}, not ${path}`);
  }

  info(path: StorePath): Promise<PathInfo | null> {
    return this.#ask('describe a path', queryPathInfo(path), () => readPathInfo(path));
  }

  /** Registers a symlink outside of the store as a root. */
  async keep(link: string): Promise<void> {
    await this.#ask('register a root', addIndirectRoot(link), readNumber);
  }

  /** Hands out the NAR of a valid path piece by piece. */
  async nar({ storePath, narSize }: PathInfo, onPiece: (piece: Buffer) => void): Promise<void> {
    await this.#ask('send a path', narFromPath(storePath), function* () {
      for (let left = narSize; left > 0; ) {
        const piece = yield Math.min(left, frameSize);
        left -= piece.length;
        onPiece(piece);
      }
    });
  }

  async #add(
    name: string,
    method: AddMethod,
    references: readonly StorePath[],
    contents: AsyncIterable<Uint8Array> | readonly Uint8Array[],
  ): Promise<StorePath> {
    const head = addToStore(name, method, references);
    const body = Array.isArray(contents)
      ? wholeBody(head, contents as readonly Uint8Array[])
      : framed(head, contents as AsyncIterable<Uint8Array>);
    const { storePath } = await this.#ask(`add ${name}`, body, readKeyedPathInfo);
    this.#held.add(storePath);
    return storePath;
  }

  async #ask<Value>(what: string, ...request: RequestOf<Value>): Promise<Value> {
    try {
      return await this.#connection.request(...request);
    } catch (error) {
      throw error instanceof Refusal ? refused(error, what) : error;
    }
  }
}

type RequestOf<Value> = Parameters<typeof Connection.prototype.request<Value>>;

const nothing = new Uint8Array(0);

function wholeBody(head: Buffer, pieces: readonly Uint8Array[]): Buffer {
  const writer = new WireWriter();
  for (const piece of pieces) if (piece.length > 0) writer.frame(piece);
  return Buffer.concat([head, writer.take(), endOfFrames]);
}

/** Small pieces go out together. */
async function* framed(head: Buffer, pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head;
  let gathered: Uint8Array[] = [];
  let size = 0;
  for await (const piece of pieces) {
    gathered.push(piece);
    size += piece.length;
    if (size < frameSize) continue;
    yield new WireWriter().frame(Buffer.concat(gathered)).take();
    gathered = [];
    size = 0;
  }
  if (size > 0) yield new WireWriter().frame(Buffer.concat(gathered)).take();
  yield endOfFrames;
}

/** Bytes that have come and were not read yet. */
export class InputBytes {
  readonly #chunks: Buffer[] = [];
  #available = 0;
  /** Of the first chunk, what was taken. */
  #taken = 0;
  /** All that ever came. */
  total = 0;

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#available += chunk.length;
    this.total += chunk.length;
  }

  /** The next `count` bytes, which may share memory with what was pushed; null: there are fewer. */
  take(count: number): Buffer | null {
    if (count > this.#available) return null;
    this.#available -= count;
    const first = this.#chunks[0];
    if (first === undefined) return Buffer.alloc(0);
    if (first.length - this.#taken >= count) {
      const bytes = first.subarray(this.#taken, this.#taken + count);
      this.#advance(count);
      return bytes;
    }
    const bytes = Buffer.allocUnsafe(count);
    for (let filled = 0; filled < count; ) {
      const chunk = this.#chunks[0] ?? Buffer.alloc(0);
      const size = Math.min(count - filled, chunk.length - this.#taken);
      chunk.copy(bytes, filled, this.#taken, this.#taken + size);
      filled += size;
      this.#advance(size);
    }
    return bytes;
  }

  #advance(count: number): void {
    this.#taken += count;
    if (this.#taken < (this.#chunks[0]?.length ?? 0)) return;
    this.#chunks.shift();
    this.#taken = 0;
  }
}

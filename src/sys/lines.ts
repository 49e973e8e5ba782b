/** Bytes to lines. */
import { StringDecoder } from 'node:string_decoder';

/** Calls `emit` for each line, without its end; `end` hands out a last line that has none. */
export function lineSplitter(emit: (line: string) => void): { write(chunk: Buffer): void; end(): void } {
  const decoder = new StringDecoder('utf8');
  let pending: string[] = [];
  const feed = (text: string) => {
    let from = 0;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', from)) {
      pending.push(text.slice(from, at));
      emit(pending.length === 1 ? (pending[0] ?? '') : pending.join(''));
      pending = [];
      from = at + 1;
    }
    if (from < text.length) pending.push(text.slice(from));
  };
  return {
    write: (chunk) => feed(decoder.write(chunk)),
    end() {
      feed(decoder.end());
      if (pending.length > 0) emit(pending.join(''));
      pending = [];
    },
  };
}

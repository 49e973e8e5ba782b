/** The worker protocol as bytes, however they are cut. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InputBytes } from '../../src/engine/daemon/input-bytes.ts';
import { logLine } from '../../src/engine/daemon/log-line.ts';
import { commonMinor } from '../../src/nix/worker-protocol.ts';
import { readBuildResults, readMessage } from '../../src/nix/worker-replies.ts';
import { type Decode, WireWriter, readNumber, readTexts } from '../../src/nix/worker-wire.ts';

/** Reads a value from bytes that come in pieces of these sizes. */
function decode<Value>(steps: Decode<Value>, bytes: Buffer, sizes: readonly number[]): Value {
  const input = new InputBytes();
  let sent = 0;
  let turn = 0;
  let step = steps.next();
  while (step.done !== true) {
    const taken = input.take(step.value);
    if (taken !== null) {
      step = steps.next(taken);
      continue;
    }
    if (sent >= bytes.length) throw new Error('more bytes are wanted than there are');
    const size = sizes.length === 0 ? bytes.length : (sizes[turn++ % sizes.length] ?? 1);
    input.push(bytes.subarray(sent, sent + size));
    sent += size;
  }
  return step.value;
}

const pieces = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 6 });

test('texts come back as they were written, whatever their length and the pieces they come in', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' })), pieces, (texts, sizes) => {
      const bytes = new WireWriter().texts(texts).number(7).take();
      expect(bytes.length % 8).toBe(0);
      const both = function* (): Decode<[string[], number]> {
        return [yield* readTexts(), yield* readNumber()];
      };
      expect(decode(both(), bytes, sizes)).toEqual([texts, 7]);
    }),
  );
});

test('a log line is a result of its activity', () => {
  const bytes = new WireWriter().number(0x52534c54).number(5).number(101).number(1).number(1).text('a line').take();
  const message = decode(readMessage(), bytes, [3]);
  expect(message).toEqual({ type: 'result', id: 5, result: 101, fields: ['a line'] });
  expect(logLine(message)).toEqual({ activity: 5, text: 'a line' });
});

test('an error of Nix’s own that stands in a log as it is stored is read for its text', () => {
  const stored = new WireWriter()
    .text('Error')
    .number(0)
    .text('Error')
    .text("executing '/bin/sh': No such file")
    .number(0);
  const fields = [stored.take().toString('latin1')];
  expect(logLine({ type: 'result', id: 1, result: 101, fields })?.text).toBe("executing '/bin/sh': No such file");
  expect(logLine({ type: 'result', id: 1, result: 105, fields: [1] })).toBeNull();
});

test('a message of a kind that does not exist, and a length that cannot be, are refused', () => {
  expect(() => decode(readMessage(), new WireWriter().number(1).take(), [])).toThrow(/unknown kind/);
  const huge = new WireWriter()
    .number(1)
    .number(2 ** 40)
    .take();
  expect(() => decode(readTexts(), huge, [])).toThrow(/a text of/);
});

test('results of builds have two fields more since 1.37', () => {
  const result = (minor: number) => {
    const writer = new WireWriter().number(1).text('/nix/store/x.drv!*').number(3).text('why').number(1).bool(false);
    writer.number(10).number(20);
    if (minor >= 37) writer.number(1).number(99).number(0);
    return writer.number(1).text('sha256:0!out').text('{}').take();
  };
  const expected = { status: 'permanent-failure', message: 'why', startTime: 10, stopTime: 20 };
  for (const minor of [34, 36, 37, 38]) {
    expect([...decode(readBuildResults(minor), result(minor), [5]).values()]).toEqual([expected]);
  }
});

test('both sides speak the older of their versions', () => {
  expect(commonMinor(0x126)).toBe(38);
  expect(commonMinor(0x122)).toBe(34);
  expect(commonMinor(0x130)).toBe(38);
  expect(commonMinor(0x121)).toBeNull();
  expect(commonMinor(0x200)).toBeNull();
});

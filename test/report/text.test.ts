import { expect, test } from 'vitest';
import { parseRunning, parseWordList, showCommand } from '../../src/report/command.ts';
import { elapsed } from '../../src/report/finished.ts';
import { parseMessageFormat, usesColor } from '../../src/report/options.ts';
import { progressLine } from '../../src/report/progress.ts';
import { plain } from '../../src/report/style.ts';
import { wordList } from '../../src/plan/words.ts';

test('word lists are read as they are written', () => {
  const words = ['a', '', "it's", 'b c', '--cfg=feature="x"', '$HOME\n`x`', '\\'];
  expect(parseWordList(wordList(words))).toEqual(words);
});

test('a running line is shown as cargo shows a process', () => {
  const command = parseRunning(wordList(['OUT_DIR=/out dir', '--', '/bin/rustc', '--cfg', 'feature="a"', "it's", '']));
  expect(command && showCommand(command, null)).toBe(`\`/bin/rustc --cfg 'feature="a"' 'it'\\''s' ''\``);
  expect(command && showCommand(command, { B: '1', A: '' })).toMatch(/^`A='' B=1 OUT_DIR='\/out dir' \/bin\/rustc /);
});

test.each([
  [0, 4, 40, '', '[                   ] 0/4'],
  [1, 4, 40, '', '[===>               ] 1/4'],
  [4, 4, 40, '', '[===================] 4/4'],
  [2, 4, 60, ': abc', '[=============>               ] 2/4: abc'],
  [2, 4, 60, ': a-very-long-name', '[=============>               ] 2/4: a-very-…'],
])('the bar for %i of %i in %i columns', (done, total, width, names, line) => {
  expect(progressLine(done, total, names, width, true).trimEnd()).toBe(line);
  expect(progressLine(done, total, names, width, true)).toHaveLength(width - 15);
});

test('times', () => {
  expect(elapsed(1_239_000_000n)).toBe('1.23s');
  expect(elapsed(65_000_000_000n)).toBe('1m 05s');
});

test('message formats combine', () => {
  expect(parseMessageFormat('human')).toEqual({ kind: 'human' });
  expect(parseMessageFormat('json,json-diagnostic-short,json-diagnostic-rendered-ansi')).toEqual({
    kind: 'json',
    short: true,
    ansi: true,
    render: false,
  });
});

test('colours follow the choice, then the environment, then the terminal', () => {
  const sink = (isTerminal: boolean) => ({ write: () => {}, isTerminal, columns: () => null });
  expect(usesColor('always', sink(false), { NO_COLOR: '1' })).toBe(true);
  expect(usesColor('auto', sink(true), { TERM: 'xterm' })).toBe(true);
  expect(usesColor('auto', sink(true), { TERM: 'xterm', NO_COLOR: '1' })).toBe(false);
  expect(usesColor('auto', sink(true), { TERM: 'dumb' })).toBe(false);
  expect(usesColor('auto', sink(false), { CLICOLOR_FORCE: '1' })).toBe(true);
  expect(plain('\u001b[1m\u001b[91merror\u001b[0m \u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\')).toBe(
    'error link',
  );
});

import { expect, test } from 'vitest';
import { commandNames, help } from '../../src/cli/help.ts';

test('the overview names every command, and every command has a text', () => {
  for (const name of commandNames()) {
    expect(help()).toContain(`  ${name} `);
    expect(help(name)).toContain(`Usage: cargo drydock ${name}`);
  }
});

test('a command that does not exist has no text', () => {
  expect(help('bild')).toBeNull();
  expect(help('toString')).toBeNull();
});

test('no line is wider than 120 columns', () => {
  const texts = [help(), ...commandNames().map((name) => help(name))].join('\n');
  expect(texts.split('\n').filter((line) => line.length > 120)).toEqual([]);
});

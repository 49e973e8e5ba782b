import { expect, test } from 'vitest';
import { hookIn, withHook, withoutHook } from '../../src/mounts/hook/nix-conf.ts';

const program = '/usr/local/lib/drydock/pre-build-hook';

test('the line is added once, and taking it out gives the text that was there', () => {
  for (const text of ['', 'sandbox = true\n', '# pre-build-hook = /other\npre-build-hook =\n']) {
    const added = withHook(text, program);
    if (added.kind !== 'changed') throw new Error(added.kind);
    expect(hookIn(added.text)).toBe(program);
    expect(withHook(added.text, program)).toEqual({ kind: 'unchanged' });
    expect(withoutHook(added.text, program)).toEqual({ kind: 'changed', text });
    expect(withoutHook(text, program)).toEqual({ kind: 'unchanged' });
  }
});

test('a hook of somebody else stays', () => {
  const text = ' pre-build-hook = /opt/other # theirs\n';
  expect(withHook(text, program)).toEqual({ kind: 'taken', by: '/opt/other' });
  expect(withoutHook(text, program)).toEqual({ kind: 'unchanged' });
});

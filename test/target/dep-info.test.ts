import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseDepInfo, renderRule, translateDepInfo } from '../../src/target/dep-info.ts';
import { mapPaths } from '../../src/target/path-map.ts';

const text = String.raw`/build/out/foo-1.d: src/main.rs src/with\ space.rs /nix/store/x/gen.rs

/build/out/foo-1: src/main.rs src/with\ space.rs /nix/store/x/gen.rs

src/main.rs:
src/with\ space.rs:
/nix/store/x/gen.rs:

# env-dep:FOO=bar baz\nand \\more
# env-dep:UNSET
`;

test('files and variables, with their escapes', () => {
  expect(parseDepInfo(text)).toEqual({
    files: ['src/main.rs', 'src/with space.rs', '/nix/store/x/gen.rs'],
    env: [
      ['FOO', 'bar baz\nand \\more'],
      ['UNSET', null],
    ],
  });
});

test('paths are translated wherever they stand', () => {
  const map = (name: string) => name.replace('/build/out', '/home/a b/target').replace('/nix/store/x', '/home/a b/out');
  const translated = translateDepInfo(text, map);
  expect(parseDepInfo(translated).files).toEqual(['src/main.rs', 'src/with space.rs', '/home/a b/out/gen.rs']);
  expect(translated).toContain(String.raw`/home/a\ b/out/gen.rs:`);
  expect(translated).toContain('/home/a b/target/foo-1: src/main.rs');
  expect(translateDepInfo(text, (name) => name)).toBe(text);
});

test('what is rendered is parsed back', () => {
  const name = fc.stringMatching(/^[\w/.-]+( [\w/.-]+){0,2}$/);
  fc.assert(
    fc.property(fc.array(name, { minLength: 1 }), (names) => {
      expect(parseDepInfo(renderRule('target', names)).files).toEqual(names);
    }),
  );
});

test('a path counts only where it stands on its own', () => {
  const pathMap = [
    ['/build/ws/sub', '/home/sub'],
    ['/build/ws', '/home/ws'],
  ] as const;
  const output = (path: string) => (path.endsWith('-foo') ? '/target/build/foo' : null);
  const map = (line: string) => mapPaths(line, pathMap, output);
  expect(map('--> /build/ws/src/lib.rs:1:2')).toBe('--> /home/ws/src/lib.rs:1:2');
  expect(map('\u001b[0m/build/ws/sub/a.rs')).toBe('\u001b[0m/home/sub/a.rs');
  expect(map('"/build/ws": /build/ws.')).toBe('"/home/ws": /home/ws.');
  expect(map('/other/build/ws /build/wsx /build/ws-2')).toBe('/other/build/ws /build/wsx /build/ws-2');
  const store = `/nix/store/${'a'.repeat(32)}`;
  expect(map(`${store}-foo/out/x.rs ${store}-bar`)).toBe(`/target/build/foo/out/x.rs ${store}-bar`);
});

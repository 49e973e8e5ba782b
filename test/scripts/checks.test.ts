import { expect, test } from 'vitest';
import { documented, made, named } from '../../scripts/errors.mjs';
import { judge, readImports, readTable } from '../../scripts/rooms.mjs';

const table = readTable(
  '| room | may import |\n|---|---|\n| `src/sys` | nothing |\n| `src/nix` | nothing |\n| `src/plan` | sys, engine (types) |\n| `src/engine` | sys |\n| `src/cli` | all |\n',
);
const verdict = (file: string, text: string): (string | null)[] =>
  readImports(text).map((found) => judge(table, file.split('/')[1] ?? '', file, found));

test('an import that the table does not allow is refused, one that it allows is not', () => {
  expect(verdict('src/plan/a.ts', "import { run } from '../sys/run.ts';\nimport { b } from './b.ts';")).toEqual([
    null,
    null,
  ]);
  expect(verdict('src/sys/a.ts', "import {\n  plan,\n} from '../plan/a.ts';")).toEqual([
    'imports src/plan/a.ts: src/sys may not use src/plan',
  ]);
  expect(verdict('src/sys/a.ts', "export * from '../plan/a.ts';")).toHaveLength(1);
  expect(verdict('src/sys/a.ts', "const a = await import('../plan/a.ts');")[0]).toContain('may not use');
  expect(verdict('src/cli/a.ts', "import { plan } from '../plan/a.ts';")).toEqual([null]);
});

test('where the table says types, only import type passes', () => {
  expect(verdict('src/plan/a.ts', "import type { Goal } from '../engine/types.ts';")).toEqual([null]);
  expect(verdict('src/plan/a.ts', "export type { Goal } from '../engine/types.ts';")).toEqual([null]);
  expect(verdict('src/plan/a.ts', "import { type Goal } from '../engine/types.ts';")[0]).toContain('only types');
  expect(verdict('src/plan/a.ts', "import { engine } from '../engine/a.ts';")[0]).toContain('only types');
});

test('only src/sys starts processes, src/nix reads no files', () => {
  expect(verdict('src/plan/a.ts', "import { spawn } from 'node:child_process';")[0]).toContain('only src/sys');
  expect(verdict('src/sys/a.ts', "import { spawn } from 'node:child_process';")).toEqual([null]);
  expect(verdict('src/nix/a.ts', "import { readFile } from 'node:fs/promises';")[0]).toContain('no input or output');
});

test('a file directly in src/ may be used by all, and uses nobody', () => {
  expect(verdict('src/sys/a.ts', "import { version } from '../version.ts';")).toEqual([null]);
  const [found] = readImports("import { run } from './sys/run.ts';");
  expect(found && judge(table, null, 'src/version.ts', found)).toContain('imports nothing');
});

test('comments and strings import nothing', () => {
  expect(readImports("/* import a from './a.ts' */\n// import b from './b.ts'\nconst c = 'import d';\n")).toEqual([]);
  expect(readImports("/* one\ntwo */\nimport a from './a.ts';")).toEqual([{ name: './a.ts', types: false, line: 3 }]);
});

test('a table that cannot be read is an error', () => {
  expect(() => readTable('no table')).toThrow('not there');
  expect(() => readTable('| `src/plan` | sys and nix |')).toThrow('cannot read');
});

test('error codes are found in the page and in the sources', () => {
  expect(documented('| code |\n|---|\n| D0101 | a | b |\n| `D1102` | see D0101 | c |\n')).toEqual(['D0101', 'D1102']);
  expect(named("one\n'D0201' and D0202")).toEqual([
    { code: 'D0201', line: 2 },
    { code: 'D0202', line: 2 },
  ]);
  expect(
    made("new UserError('D0301', x)\nnew UserError(\n  'D0302',\n)\nif (e.code === 'D0303')\n{ code: 'D0304' }"),
  ).toEqual(['D0301', 'D0302', 'D0304']);
});

import { expect, test } from 'vitest';

type States = ReadonlyMap<string, string>;
type Expected = Readonly<Record<string, string>>;
interface Row {
  readonly module: string;
  readonly ran: number;
  readonly passed: number;
  readonly intended: number;
}
/** The runner is plain JavaScript: its modules are typed here, where they are used. */
const at = (name: string): string => new URL(`../conformance/${name}`, import.meta.url).href;
const { readTests } = (await import(at('suite.mjs'))) as {
  readTests: (module: string, text: string) => { id: string; verbs: string[] }[];
};
const { outputsOf } = (await import(at('execute.mjs'))) as {
  outputsOf: (output: string, failed: string[]) => Map<string, string>;
};
const { page } = (await import(at('page.mjs'))) as {
  page: (states: States, expected: Expected, rustc: string) => string;
};
const { accepted, compare, percent, shares } = (await import(at('verdict.mjs'))) as {
  accepted: (states: States, expected: Expected) => Expected;
  compare: (states: States, expected: Expected) => Record<'unlisted' | 'outlived' | 'unknown', string[]>;
  percent: (row: Row) => { whole: number | null; withoutIntended: number | null };
  shares: (states: States, expected: Expected) => { rows: Row[]; total: Row };
};

const states = new Map([
  ['build::one', 'ok'],
  ['build::two', 'FAILED'],
  ['build::three', 'FAILED'],
  ['clean::four', 'ok'],
]);

test('a failure without a reason and a listed test that passes make the list untrue', () => {
  expect(compare(states, { 'build::two': 'sandbox', 'clean::four': 'not-done', 'x::y': 'whim' })).toEqual({
    unlisted: ['build::three'],
    outlived: ['clean::four'],
    unknown: ['whim'],
  });
});

test('accepting a run keeps reasons, adds debts, and drops what passes', () => {
  expect(accepted(states, { 'build::two': 'sandbox', 'clean::four': 'not-done' })).toEqual({
    'build::three': 'not-done',
    'build::two': 'sandbox',
  });
});

test('intended differences count as failures of the whole, and are left out of the second share', () => {
  const { rows, total } = shares(states, { 'build::two': 'sandbox', 'build::three': 'not-done' });
  expect(rows).toEqual([
    { module: 'build', ran: 3, passed: 1, intended: 1 },
    { module: 'clean', ran: 1, passed: 1, intended: 0 },
  ]);
  expect(percent(total)).toEqual({ whole: 50, withoutIntended: 200 / 3 });
});

test('the page names each failing test with its reason', () => {
  const text = page(states, { 'build::two': 'sandbox', 'build::three': 'not-done' }, 'rustc 1.95.0');
  expect(text).toContain('**2 of 4 pass: 50.0 %.** Without the 1 intended differences: 66.7 %.');
  expect(text).toContain('| build::two | `sandbox` |');
  expect(text).toContain('| build | 1 | 3 | 33.3 % | 50.0 % |');
});

test('tests are chosen by the verbs in their source; what needs nightly is not there', () => {
  const text = `
use x;
#[cargo_test]
fn plain() { p.cargo("build --release").run(); p.cargo("-v clean").run(); }
#[cargo_test(nightly, reason = "x")]
fn odd() { p.cargo("build").run(); }
#[cargo_test]
fn masked() { p.cargo("build -Z x").masquerade_as_nightly_cargo(&["x"]).run(); }
#[cargo_test]
fn other() { p
    .cargo(
        "check").run(); }
`;
  expect(readTests('m', text)).toEqual([
    { id: 'm::plain', verbs: ['build', 'clean'] },
    { id: 'm::other', verbs: ['check'] },
  ]);
});

test('what a failed test said is found in the output; one that never ended is told', () => {
  const output =
    'running 2 tests\ntest a::b ... FAILED\n\nfailures:\n\n---- a::b stdout ----\nexpected x\n\nfailures:\n    a::b\n\ntest result: FAILED.\n';
  expect(outputsOf(output, ['a::b', 'a::c'])).toEqual(
    new Map([
      ['a::b', '---- a::b stdout ----\nexpected x'],
      ['a::c', '---- a::c ----\n(no output: it never ended)'],
    ]),
  );
});

// What is measured, in the order in which it is measured within a round. Each step leaves the checkout built, so that any
// choice of rows can be run.
import { existsSync, rmSync } from 'node:fs';
import * as path from 'node:path';

/** `samples`: how often it is repeated within a round; `own`: drydock alone, against cargo's figure of the row `against`. */
export const ROWS = [
  {
    name: 'clean',
    title: 'clean, empty store',
    goal: '<= 1.10',
    step: (side) => {
      side.reset();
      return side.build();
    },
  },
  { name: 'noop', title: 'nothing changed', goal: '<= 1.0', samples: 5, step: (side) => side.build() },
  {
    name: 'first',
    title: 'first edit after a clean build',
    goal: '<= 1.10',
    fresh: true,
    step: edited,
    compiles: true,
  },
  { name: 'edit', title: 'edit of a line', goal: '<= 1.10', step: edited, compiles: true },
  {
    name: 'cold',
    title: 'the same, incremental state removed',
    goal: '<= 1.10',
    compiles: true,
    step: (side, serial) => {
      side.dropIncremental();
      return edited(side, serial);
    },
  },
  {
    name: 'back',
    title: 'a file put back to an earlier content',
    goal: '<= 0.15',
    step: async (side, serial) => {
      await edited(side, `${serial}a`);
      await edited(side, `${serial}b`);
      return edited(side, `${serial}a`);
    },
  },
  {
    name: 'second',
    title: 'a second checkout at another path, store warm',
    goal: '<= 0.35',
    step: buildSecond,
  },
  {
    name: 'elsewhere',
    title: 'first edit of a line there',
    own: true,
    against: 'edit',
    compiles: true,
    step: async (side, serial) => {
      if (!existsSync(secondOf(side))) await buildSecond(side);
      side.write(side.edit.with(serial), secondOf(side));
      return side.build({ checkout: secondOf(side) });
    },
  },
  {
    name: 'unsandboxed',
    title: 'edit of a line, sandbox off',
    own: true,
    against: 'edit',
    compiles: true,
    step: (side, serial) => {
      side.write(side.edit.with(serial));
      return side.build({ sandbox: false });
    },
  },
  {
    name: 'restored',
    title: 'the same tree after `cargo clean`',
    own: true,
    against: 'clean',
    step: async (side) => {
      await side.build();
      side.clean();
      return side.build();
    },
  },
];

function buildSecond(side) {
  const second = secondOf(side);
  rmSync(second, { recursive: true, force: true });
  side.checkOut(second);
  return side.build({ checkout: second });
}

function secondOf(side) {
  return path.join(side.place, 'elsewhere/second');
}

/** Rows of this list for another table, with the goals that they have there. */
export function rowsNamed(goals) {
  return ROWS.filter((row) => row.name in goals).map((row) => ({ ...row, goal: goals[row.name] }));
}

export function edited(side, serial) {
  side.write(side.edit.with(serial));
  return side.build();
}

// What the results of a run mean against the list of expected failures.
import { REASONS } from './reasons.mjs';

/**
 * `states`: id -> `ok` or `FAILED` of the tests that were run (those that plain cargo passes); `expected`: id -> reason.
 * Gives what makes the list untrue: failures without a reason, listed tests that pass, reasons that do not exist.
 */
export function compare(states, expected) {
  const ran = [...states];
  return {
    unlisted: ran.filter(([id, state]) => state === 'FAILED' && expected[id] === undefined).map(([id]) => id),
    outlived: ran.filter(([id, state]) => state === 'ok' && expected[id] !== undefined).map(([id]) => id),
    unknown: [...new Set(Object.values(expected))].filter((reason) => !Object.hasOwn(REASONS, reason)),
  };
}

/** One row per module and one for all: how many ran, passed, failed as intended. */
export function shares(states, expected) {
  const rows = new Map();
  const total = { module: 'all', ran: 0, passed: 0, intended: 0 };
  for (const [id, state] of states) {
    const module = id.split('::')[0];
    const row = rows.get(module) ?? { module, ran: 0, passed: 0, intended: 0 };
    rows.set(module, row);
    for (const one of [row, total]) {
      one.ran++;
      if (state === 'ok') one.passed++;
      else if (REASONS[expected[id]]?.intended) one.intended++;
    }
  }
  return { rows: [...rows.values()], total };
}

/** Share of the whole, and share when intended differences are left out, in percent; null where nothing is left. */
export function percent({ ran, passed, intended }) {
  const of = (count) => (count === 0 ? null : (100 * passed) / count);
  return { whole: of(ran), withoutIntended: of(ran - intended) };
}

/** The list as it would be true after this run: new failures are debts, tests that pass are gone, reasons stay. */
export function accepted(states, expected) {
  const entries = Object.entries(expected).filter(([id]) => states.get(id) !== 'ok');
  for (const [id, state] of states)
    if (state === 'FAILED' && expected[id] === undefined) entries.push([id, 'not-done']);
  return Object.fromEntries(entries.sort(([a], [b]) => a.localeCompare(b)));
}

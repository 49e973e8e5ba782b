// docs/conformance.md, made from a whole run.
import { REASONS } from './reasons.mjs';
import { SUITE_VERSION } from './suite.mjs';
import { percent, shares } from './verdict.mjs';

/** The text of the page. `states` as in verdict.mjs; `rustc`: the compiler's version. */
export function page(states, expected, rustc) {
  const { rows, total } = shares(states, expected);
  const failed = [...states].filter(([, state]) => state === 'FAILED').map(([id]) => id);
  const counts = Object.keys(REASONS).map((reason) => [reason, failed.filter((id) => expected[id] === reason).length]);
  return `# Cargo's own tests

Made by \`npm run conformance\`; do not edit. Cargo ${SUITE_VERSION}'s test suite is run with \`drydock\` in the place of \`cargo\` where a test calls \`build\`, \`check\`, \`run\`, \`test\` or \`bench\` (all other calls go to cargo), with ${rustc}. Counted are the tests that call \`cargo build\`, need no nightly cargo, and pass with plain cargo on the same machine.

**${total.passed} of ${total.ran} pass: ${figure(percent(total).whole)}.** Without the ${total.intended} intended differences: ${figure(percent(total).withoutIntended)}.

## Why tests fail

| reason | tests | intended | |
|---|---|---|---|
${counts.map(([reason, count]) => `| \`${reason}\` | ${count} | ${REASONS[reason].intended ? 'yes' : 'no'} | ${REASONS[reason].text} |`).join('\n')}

## By module

| module | pass | of | share | without intended differences |
|---|---|---|---|---|
${rows.map((row) => `| ${row.module} | ${row.passed} | ${row.ran} | ${figure(percent(row).whole)} | ${figure(percent(row).withoutIntended)} |`).join('\n')}

## Tests that fail

${failed.length === 0 ? 'None.' : `| test | reason |\n|---|---|\n${failed.map((id) => `| ${id} | \`${expected[id]}\` |`).join('\n')}`}
`;
}

function figure(value) {
  return value === null ? '-' : `${value.toFixed(1)} %`;
}

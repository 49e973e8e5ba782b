// Builds a real project with drydock and with cargo in turns, edits it, builds again, and shows the times.
//
//   npm run demo                  ripgrep 14.1.1 from crates.io, with its own lock file
//   node bench/demo.mjs cargo   cargo in drydock's place
//
// Everything happens in a temporary directory, which is removed: no store of yours is touched, and the first build is one.
import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Side } from './side.mjs';
import { fetchCrates, unpackCrate } from '../scripts/crates.mjs';
import { removeTree } from '../scripts/remove.mjs';

const DRYDOCK = fileURLToPath(new URL('../dist/drydock.mjs', import.meta.url));
const EDIT = {
  file: 'crates/core/flags/doc/version.rs',
  line: 'format!("ripgrep {digits}")',
  with: (serial) => `format!("ripgrep {digits}, edit ${serial}")`,
};
const STEPS = [
  { title: 'first build', run: (side) => (side.reset(), side.build()) },
  { title: 'a line edited', run: (side) => edited(side, 'one') },
  { title: 'another edit', run: (side) => edited(side, 'two') },
  { title: 'nothing changed', run: (side) => side.build() },
  { title: 'first edit taken back', run: (side) => edited(side, 'one') },
  { title: 'a second checkout elsewhere', run: secondCheckout },
];

const place = mkdtempSync(path.join(os.tmpdir(), 'drydock-demo-'));
process.on('exit', () => removeTree(place));
process.on('SIGINT', () => process.exit(130));
await demo();

async function demo() {
  console.log('ripgrep 14.1.1, from crates.io');
  const project = path.join(place, 'ripgrep');
  const [archive] = fetchCrates([['ripgrep', '14.1.1']], path.join(place, 'fetch'));
  unpackCrate(archive, project);
  execFileSync('cargo', ['fetch', '--quiet', '--locked'], { cwd: project, stdio: ['ignore', 'inherit', 'inherit'] });
  const candidate = process.argv[2] === undefined ? [process.execPath, DRYDOCK] : [process.argv[2]];
  const sides = [
    new Side('cargo build', path.join(place, 'a'), project, ['cargo', 'build', '--locked'], EDIT),
    new Side('cargo drydock build', path.join(place, 'b'), project, [...candidate, 'build', '--locked'], EDIT),
  ];
  console.log(row('', ...sides.map((side) => side.name)));
  for (const step of STEPS) {
    const figures = [];
    for (const side of sides) figures.push(await step.run(side));
    console.log(
      row(step.title, ...figures.map(({ seconds, compiled }) => `${seconds.toFixed(2)} s, ${compiled} compiled`)),
    );
    const [first, second] = sides.map(version);
    if (first !== second)
      throw new Error(`the two programs differ: cargo's says "${first}", drydock's says "${second}"`);
  }
  console.log(`\nBoth programs say: ${version(sides[1])}`);
}

function edited(side, text) {
  side.write(EDIT.with(text));
  return side.build();
}

function secondCheckout(side) {
  const second = path.join(side.place, 'elsewhere/second');
  side.checkOut(second);
  return side.build({ checkout: second });
}

function version(side) {
  return execFileSync(path.join(side.checkout, 'target/debug/rg'), ['-V'], { encoding: 'utf8' }).trim();
}

function row(title, ...cells) {
  return [title.padEnd(28), ...cells.map((cell) => cell.padStart(24))].join('');
}

import { describe } from 'vitest';
import { lab } from '../daemon/lab.ts';
import { engineSuite } from '../daemon/suite.ts';

for (const version of ['2.26', '2.34']) describe(`Nix ${version}`, () => engineSuite(lab(version)));

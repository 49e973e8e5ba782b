import { describe } from 'vitest';
import { cliSuite } from '../daemon/cli.ts';
import { errorSuite } from '../daemon/errors.ts';
import { lab } from '../daemon/lab.ts';
import { nixShellSuite } from '../daemon/nix-shell.ts';
import { nixToolsSuite } from '../daemon/nix-tools.ts';
import { engineSuite } from '../daemon/suite.ts';

describe.each(['2.26', '2.34'])('Nix %s', (version) => {
  describe.each(['pure', 'dev'] as const)('the %s lane', (lane) => {
    engineSuite(lab(version), lane);
  });
  describe('the command', () => {
    cliSuite(lab(version));
  });
  describe('errors', () => {
    errorSuite(lab(version));
  });
  describe('tools in the store', () => {
    nixToolsSuite(lab(version));
  });
  describe('a shell of Nix', () => {
    nixShellSuite(lab(version));
  });
});

import { describe } from 'vitest';
import { stock } from '../daemon/daemon.ts';
import { lab } from '../daemon/lab.ts';
import { sshSuite } from '../daemon/ssh.ts';

describe("the machine's Nix", () => {
  sshSuite(stock);
});

describe.each(['2.26', '2.34'])('Nix %s', (version) => {
  sshSuite(lab(version));
});

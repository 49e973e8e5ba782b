/** With the machine's own Nix; other versions: `test/slow/daemon.test.ts`. */
import { stock } from './daemon.ts';
import { nixShellSuite } from './nix-shell.ts';

nixShellSuite(stock);

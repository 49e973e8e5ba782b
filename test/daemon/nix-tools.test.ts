/** With the machine's own Nix; other versions: `test/slow/daemon.test.ts`. */
import { stock } from './daemon.ts';
import { nixToolsSuite } from './nix-tools.ts';

nixToolsSuite(stock);

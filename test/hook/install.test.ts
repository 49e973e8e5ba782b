/** With the machine's own Nix; other versions: `test/slow/hook.test.ts`. */
import { stock } from '../daemon/daemon.ts';
import { refusalSuite } from './install.ts';

refusalSuite(stock);

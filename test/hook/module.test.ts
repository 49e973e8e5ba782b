/** With the machine's own Nix; other versions: `test/slow/hook.test.ts`. */
import { stock } from '../daemon/daemon.ts';
import { moduleSuite } from './module.ts';

moduleSuite(stock);

/** With the machine's own Nix; other versions: `test/slow/hook.test.ts`. */
import { stock } from '../daemon/daemon.ts';
import { ownStoreSuite } from './own-store.ts';

ownStoreSuite(stock);

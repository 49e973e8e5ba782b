/** With the machine's own Nix; other versions: `test/slow/export.test.ts`. */
import { stock } from '../daemon/daemon.ts';
import { exportSuite } from './export.ts';

exportSuite(stock);

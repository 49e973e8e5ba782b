/** With the machine's own Nix; other versions: `test/slow/hook.test.ts`. */
import { viewSuite } from './views.ts';

viewSuite();

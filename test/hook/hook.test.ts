/** Cache mounts through a stock daemon, for users whom it does not trust. */
import { hookSuite } from './suite.ts';

hookSuite();

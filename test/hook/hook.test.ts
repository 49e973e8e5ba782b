/** Cache mounts through a stock daemon, for users whom it does not trust. */
import { stock } from '../daemon/daemon.ts';
import { hookSuite } from './suite.ts';

hookSuite(stock);

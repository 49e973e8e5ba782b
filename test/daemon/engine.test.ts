import { stock } from './daemon.ts';
import { engineSuite } from './suite.ts';

engineSuite(stock);

import { describe } from 'vitest';
import { stock } from './daemon.ts';
import { engineSuite } from './suite.ts';

describe.each(['pure', 'dev'] as const)('the %s lane', (lane) => {
  engineSuite(stock, lane);
});

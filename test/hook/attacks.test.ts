/** A user who tries to get at another one's directory, or at the machine, through the hook. */
import { attackSuite } from './attacks.ts';

attackSuite();

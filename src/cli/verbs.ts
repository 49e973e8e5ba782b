/** `drydock build`, `check`, `run`, `test`, `bench`: one way to build, and what comes after it. */
import type { Invocation } from '../cargo/types.ts';
import { executableOf } from '../run/executable.ts';
import { testsOf } from '../run/tests.ts';
import { buildThen } from './build.ts';
import type { Host } from './host.ts';

type Verb = (invocation: Invocation, host: Host) => Promise<number>;

export const build: Verb = (invocation, host) => buildThen(invocation, host, () => null);
export const check: Verb = build;
export const run: Verb = (invocation, host) => buildThen(invocation, host, executableOf);
export const test: Verb = (invocation, host) => buildThen(invocation, host, testsOf);
export const bench: Verb = test;

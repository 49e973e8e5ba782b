export function layFixture(dir: string): void;

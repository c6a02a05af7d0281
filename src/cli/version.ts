import { readFileSync } from 'node:fs';

/** Of this package; its description lies above the folder of the code, here and when installed. */
export const version = (): string =>
  (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version;

import { readFileSync } from 'node:fs';

const file = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');

/** Where the printed address leads: a page that exchanges the token, and its script; both by path. */
export const ENTRY_PATH = '/companion/open';
export const ENTRY: Readonly<Record<string, { readonly type: string; readonly body: string }>> = {
  [ENTRY_PATH]: { type: 'text/html; charset=utf-8', body: file('./open.html') },
  '/companion/open.js': { type: 'text/javascript; charset=utf-8', body: file('./open.js') },
};

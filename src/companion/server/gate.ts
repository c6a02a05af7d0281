import type { IncomingHttpHeaders } from 'node:http';

export const MESSAGE_TYPE = 'application/octet-stream';

export interface Refusal {
  readonly status: number;
  readonly why: string;
}

/** Names under which a page may have been fetched from this machine. Any other would be another's name for it (DNS rebinding). */
export function hostsOf(port: number): readonly string[] {
  return [`127.0.0.1:${port}`, `localhost:${port}`];
}

/** Why a request is refused before anything of it is read; null for one that may go on. `headers` as Node gives them. */
export function hostRefusal(headers: IncomingHttpHeaders, port: number): Refusal | null {
  const { host } = headers;
  if (host === undefined || !hostsOf(port).includes(host)) return { status: 421, why: 'this host is not served here' };
  return null;
}

/** As {@link hostRefusal}, of requests that ask the companion something: only its own page may. */
export function askRefusal(method: string, headers: IncomingHttpHeaders, port: number): Refusal | null {
  const host = hostRefusal(headers, port);
  if (host) return host;
  if (method !== 'POST') return { status: 405, why: 'only POST' };
  // Browsers send the origin with every POST; a page cannot leave it out or choose it.
  if (headers.origin !== `http://${headers.host}`) return { status: 403, why: 'the request comes from another origin' };
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin') return { status: 403, why: 'the request comes from another site' };
  if (headers['content-type'] !== MESSAGE_TYPE) return { status: 415, why: `messages are ${MESSAGE_TYPE}` };
  if (headers['content-encoding'] !== undefined) return { status: 415, why: 'messages are not packed' };
  return null;
}

/** The session's key that a request carries. */
export function keyOf(headers: IncomingHttpHeaders): string {
  return /^Bearer ([A-Za-z0-9_-]{1,128})$/.exec(headers.authorization ?? '')?.[1] ?? '';
}

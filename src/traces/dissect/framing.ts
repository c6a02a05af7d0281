import { http, httpKind, lineEnd } from './http-lines.ts';
import type { OpenMessage } from './open-message.ts';
import { HANDSHAKE, looksLikeTls, TlsSession } from './tls-records.ts';

// Where the messages of an application end in a stream of bytes, and how many more bytes the last one needs: Wireshark's rules
// (packet-http.c, packet-tls.c, packet-dns.c and req_resp_hdrs.c of 4.0), so that messages lie at the packets where Wireshark has them.

/** Whose bytes a portion of a stream is; `http body` is what follows no request line in a stream that is known to be HTTP. */
export type Application = 'dns' | 'http' | 'http body' | 'tls' | 'data';

/** Bytes [from, to) that an application reads by themselves. */
export interface Part {
  readonly application: Application;
  /** Of TLS, the session's before it ({@link TlsSession}); 0 elsewhere. */
  readonly state: number;
  /** Of TLS, the beginning of the message that its first record ends; null elsewhere. */
  readonly begun: Uint8Array | null;
  readonly from: number;
  readonly to: number;
}

/** What is missing: a number of bytes, the next segment whatever its length, or everything up to the end of the stream. */
export type Missing = number | 'segment' | 'end';

export interface Framed {
  readonly parts: readonly Part[];
  /** Where the first message begins that is not whole; the end where all are. */
  readonly done: number;
  readonly missing: Missing;
}

/** What earlier messages of a connection say about later ones. */
export class Conversation {
  /** Found by looking at the bytes of an earlier segment. */
  latched: 'http' | 'tls' | null = null;
  /** Port that a SYN was sent to; 0 unknown. */
  serverPort = 0;
  /** Method of the last HTTP request; empty without one. */
  method = '';
  /** Where it was to connect to; empty of other methods. */
  target = '';
  /** Status of the last HTTP response. */
  status = 0;
  /** What is said through a proxy (RFC 9110 section 9.3.6); null before anything is. */
  tunnel: Tunnel | null = null;
  readonly tls = new TlsSession();
  /** Packets from which on each direction is encrypted. */
  readonly encrypted: [number, number] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  /** Of each direction, a message that goes on in its next record. */
  readonly open: [OpenMessage | null, OpenMessage | null] = [null, null];
}

/** A conversation within another one. */
interface Tunnel {
  readonly conversation: Conversation;
  /** Direction of who speaks first, whom Wireshark takes for the client. */
  readonly way: number;
}

export interface FramingContext {
  readonly conversation: Conversation;
  /** Direction, and number of the packet. */
  readonly way: number;
  readonly packet: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Whether the application may wait for more. */
  readonly mayWait: boolean;
  /** The segment ends its direction. */
  readonly fin: boolean;
}

const HTTP_PORTS: ReadonlySet<number> = new Set([80, 631, 1900, 2710, 2869, 3128, 3132, 3689, 5985, 8080, 8088, 11_371]);
const TLS_PORTS: ReadonlySet<number> = new Set([
  324, 443, 465, 636, 802, 853, 993, 995, 1300, 2221, 2443, 3249, 3250, 3251, 3252, 3496, 5061, 5671, 5684, 5868, 8883, 11_207, 19_999,
  27_017,
]);
const DNS_PORTS: ReadonlySet<number> = new Set([53, 5353]);

const part = (application: Application, from: number, to: number): Part => ({ application, state: 0, begun: null, from, to });

/** Reads the messages in [from, to) of a stream. */
export function frame(bytes: Uint8Array, from: number, to: number, context: FramingContext): Framed {
  switch (applicationOf(bytes, from, to, context)) {
    case 'http':
      return isTunnelled(context.conversation) ? frameTunnel(bytes, from, to, context) : frameHttp(bytes, from, to, context);
    case 'tls':
      return frameTls(bytes, from, to, context);
    case 'dns':
      return frameDns(bytes, from, to, context);
    default:
      return { parts: [part('data', from, to)], done: to, missing: 0 };
  }
}

/** What was found in the connection, then the port that was connected to, the lower and the higher one, then the bytes. */
function applicationOf(bytes: Uint8Array, from: number, to: number, context: FramingContext): 'http' | 'tls' | 'dns' | null {
  const { conversation, sourcePort, destinationPort } = context;
  const { latched, serverPort } = conversation;
  if (latched === 'http' || (latched === 'tls' && mayBeTls(bytes, from, to))) return latched;
  for (const port of [serverPort, Math.min(sourcePort, destinationPort), Math.max(sourcePort, destinationPort)]) {
    if (HTTP_PORTS.has(port)) return 'http';
    if (TLS_PORTS.has(port) && mayBeTls(bytes, from, to)) return 'tls';
    if (DNS_PORTS.has(port)) return 'dns';
  }
  if (looksLikeTls(bytes, from, to)) conversation.latched = 'tls';
  else if (looksLikeHttp(bytes, from, to)) conversation.latched = 'http';
  else return null;
  return conversation.latched;
}

const isPrintable = (byte: number): boolean => byte >= 0x20 && byte < 0x7f;

/** Four printable characters are text. */
const mayBeTls = (bytes: Uint8Array, from: number, to: number): boolean =>
  to - from <= 4 || !bytes.subarray(from, from + 4).every(isPrintable);

/** The first line begins or ends with the protocol's name. */
function looksLikeHttp(bytes: Uint8Array, from: number, to: number): boolean {
  const line = lineEnd(bytes, from, to);
  if (!line.whole || line.end - from === 8) return false;
  const text = String.fromCharCode(...bytes.subarray(from, Math.min(line.end, from + 8)));
  const last = String.fromCharCode(...bytes.subarray(Math.max(from, line.end - 8), line.end));
  return /^HTTP\/1\./i.test(text) || /^HTTP\/1\./i.test(last);
}

/** Each message has its length in front (RFC 1035 section 4.2.2). */
function frameDns(bytes: Uint8Array, from: number, to: number, { mayWait }: FramingContext): Framed {
  const parts: Part[] = [];
  let at = from;
  while (at < to) {
    const length = to - at < 2 ? -1 : 2 + ((bytes[at]! << 8) | bytes[at + 1]!);
    if (mayWait && length < 0) return { parts, done: at, missing: 'segment' };
    if (mayWait && at + length > to) return { parts, done: at, missing: at + length - to };
    const end = length < 0 ? to : Math.min(to, at + length);
    parts.push(part('dns', at, end));
    at = end;
  }
  return { parts, done: to, missing: 0 };
}

const CHANGE_CIPHER = 20;

/** Records (RFC 8446 section 5.1); what begins none takes the rest. */
function frameTls(bytes: Uint8Array, from: number, to: number, context: FramingContext): Framed {
  const { conversation, mayWait, way, packet } = context;
  const { tls: session, encrypted, open } = conversation;
  session.encrypted = packet > encrypted[way]!;
  session.open = open[way]!;
  let { state } = session;
  let [first, begun]: [number, Uint8Array | null] = [from, null];
  const parts: Part[] = [];
  const upTo = (end: number): Part[] => {
    open[way] = session.open;
    if (end > first) parts.push({ application: 'tls', state, begun, from: first, to: end });
    return parts;
  };
  let at = from;
  while (at < to) {
    const record = session.record(bytes, at, to);
    if (record === null) break;
    if (!record || record.end > to) {
      if (!mayWait) break;
      return { parts: upTo(at), done: at, missing: record ? record.end - to : 'segment' };
    }
    if (record.kind === 'tls' && bytes[at] === CHANGE_CIPHER && !session.isTls13) encrypted[way] = Math.min(encrypted[way]!, packet);
    const before = record.kind === 'tls' && bytes[at] === HANDSHAKE ? session.open : null;
    const lengthBefore = before?.length;
    if (before) {
      upTo(at);
      [first, state] = [at, session.state];
    }
    session.pass(bytes, at, record);
    at = record.end;
    if (!before) continue;
    // What lies within a message is a part by itself, and so is what ends one.
    session.inside = session.open === before || before.tooLong;
    if (session.inside) state = session.state;
    else begun = before.bytes.subarray(0, lengthBefore);
    session.inside = false;
    upTo(at);
    [first, state, begun] = [at, session.state, null];
  }
  return { parts: upTo(to), done: to, missing: 0 };
}

/** What a proxy said yes to; of other answers of success (RFC 9110 section 9.3.6) Wireshark does not know that they open a tunnel. */
const isTunnelled = ({ method, status }: Conversation): boolean => method === 'CONNECT' && status === 200;

/** Bytes of whoever has the port that a proxy was asked to connect to; what is HTTP there is not read, and without a port nothing is. */
function frameTunnel(bytes: Uint8Array, from: number, to: number, context: FramingContext): Framed {
  const { conversation, way } = context;
  const asked = /:[\t-\r ]*([+-]?\d+)?/.exec(conversation.target);
  if (!asked) return { parts: [], done: to, missing: 0 };
  const port = Number(asked[1] ?? 0);
  conversation.tunnel ??= { conversation: new Conversation(), way };
  const inner = conversation.tunnel.conversation;
  const ports = way === conversation.tunnel.way ? { destinationPort: port } : { sourcePort: port };
  const { parts, done, missing }: Framed =
    HTTP_PORTS.has(port) || inner.latched === 'http'
      ? { parts: [part('data', from, to)], done: to, missing: 0 }
      : frame(bytes, from, to, { ...context, conversation: inner, ...ports });
  return { parts: [part('http body', from, to), ...parts], done, missing };
}

/** Requests and responses with their bodies (RFC 9112). */
function frameHttp(bytes: Uint8Array, from: number, to: number, context: FramingContext): Framed {
  const { conversation, mayWait, fin } = context;
  const parts: Part[] = [];
  let at = from;
  while (at < to) {
    const leading = to - at > 3 && bytes[at] === 13 && bytes[at + 1] === 10 ? 2 : 0;
    const start = at + leading;
    if (!isPrintable(bytes[start]!)) {
      if (conversation.method !== '') parts.push(part('http body', at, to));
      return { parts, done: to, missing: 0 };
    }
    const first = lineEnd(bytes, start, to);
    if (!first.whole && mayWait) return { parts, done: start, missing: 'segment' };
    const kind = httpKind(bytes, start, first.end);
    if (kind && mayWait) {
      const missing = http(bytes, start, to).missing(kind === 'response', !fin && hasBody(bytes, start, first.end, kind, conversation));
      if (missing !== 0) return { parts, done: start, missing };
    }
    const message = http(bytes, start, to);
    if (kind === 'request') {
      conversation.method = message.method;
      conversation.target = message.method === 'CONNECT' ? message.target : '';
    }
    if (kind === 'response') conversation.status = message.status;
    const end = message.end();
    const isMessage = kind !== null || message.hasHeaders;
    if (isMessage) parts.push(part('http', at, end));
    else if (conversation.method !== '') parts.push(part('http body', at, end));
    at = end;
  }
  return { parts, done: to, missing: 0 };
}

/** Whether a message may have a body that is waited for (RFC 9110 section 6.4.1). */
function hasBody(bytes: Uint8Array, from: number, end: number, kind: string, { method }: Conversation): boolean {
  if (kind !== 'response') return true;
  const { status } = http(bytes, from, end);
  const family = Math.floor(status / 100);
  return !(
    method === 'HEAD' ||
    (family === 2 && (method === 'CONNECT' || method === 'SSTP_DUPLEX_POST')) ||
    family === 1 ||
    status === 204 ||
    status === 304
  );
}

import type { Missing } from './framing.ts';

const CR = 13;
const LF = 10;

/** A line's end without and with the characters that end it; not `whole` where they may be missing. */
export interface LineEnd {
  readonly end: number;
  readonly next: number;
  readonly whole: boolean;
}

/** Finds the end of a line: a line feed, or a carriage return with or without one behind it. */
export function lineEnd(bytes: Uint8Array, from: number, to: number): LineEnd {
  let stop = from;
  while (stop < to && bytes[stop] !== LF && bytes[stop] !== CR) stop++;
  let next = Math.min(to, stop + 1);
  const returned = bytes[stop] === CR;
  if (returned && next < to && bytes[next] === LF) next++;
  // Behind a carriage return at the end a line feed may still come.
  return { end: stop, next, whole: stop < to && !(returned && next === to && next === stop + 1) };
}

/** Bytes as characters of the same numbers. */
export function latin(bytes: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let at = from; at < to; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}

/** Of HTTP and its extensions (WebDAV, UPnP, Microsoft's): the IANA registry, and what Wireshark takes besides. */
const METHODS = new Set(
  `GET PUT COPY HEAD LOCK MOVE POLL POST BCOPY BMOVE MKCOL TRACE PATCH LABEL MERGE DELETE SEARCH UNLOCK REPORT UPDATE NOTIFY BDELETE CONNECT OPTIONS
  CHECKIN PROPFIND CHECKOUT CCM_POST SUBSCRIBE PROPPATCH BPROPFIND BPROPPATCH UNCHECKOUT MKACTIVITY MKWORKSPACE RPC_CONNECT RPC_IN_DATA
  UNSUBSCRIBE RPC_OUT_DATA VERSION-CONTROL BASELINE-CONTROL SSTP_DUPLEX_POST`.split(/\s+/),
);
/** Those that ask for an event rather than for a document. */
const NOTIFICATIONS = new Set(['NOTIFY', 'SUBSCRIBE', 'UNSUBSCRIBE']);
/** No method and no version is longer. */
const LONGEST = 32;

export type HttpKind = 'request' | 'response' | 'notification';

/** What a line begins; null where it begins no message. */
export function httpKind(bytes: Uint8Array, from: number, end: number): HttpKind | null {
  const line = latin(bytes, from, Math.min(end, from + LONGEST));
  const text = line.startsWith('M-') ? line.slice(2) : line;
  if (text.startsWith('HTTP/') || text.startsWith('ICY')) return 'response';
  const space = text.indexOf(' ');
  const method = space < 0 ? text : text.slice(0, space);
  if (!METHODS.has(method)) return null;
  return NOTIFICATIONS.has(method) ? 'notification' : 'request';
}

interface Head {
  /** Behind the empty line, or where the lines stop that look like headers. */
  readonly end: number;
  /** The empty line is there. */
  readonly whole: boolean;
  readonly contentLength: number | null;
  readonly contentType: string;
  /** Any transfer encoding, then the last one. */
  readonly waitsForChunks: boolean;
  readonly chunked: boolean;
  readonly encoded: boolean;
}

/** Sizes that are no numbers of 31 bits count as none. */
const MAX_LENGTH = 2 ** 31 - 1;
const RPC_LENGTH = 128 * 1024;

/** The message that begins at `from`; its lines are read when they are asked for. */
export function http(bytes: Uint8Array, from: number, to: number): HttpMessage {
  return new HttpMessage(bytes, from, to);
}

class HttpMessage {
  readonly #bytes: Uint8Array;
  readonly #from: number;
  readonly #to: number;
  readonly #first: LineEnd;
  #kept: Head | null = null;

  constructor(bytes: Uint8Array, from: number, to: number) {
    this.#bytes = bytes;
    this.#from = from;
    this.#to = to;
    this.#first = lineEnd(bytes, from, to);
  }

  get #line(): string {
    return latin(this.#bytes, this.#from, Math.min(this.#first.end, this.#from + 2 * LONGEST));
  }

  get method(): string {
    return /^\S*/.exec(this.#line)![0];
  }

  /** What a request asks for. */
  get target(): string {
    return /^\S* ([^ ]*)/.exec(latin(this.#bytes, this.#from, this.#first.end))?.[1] ?? '';
  }

  get status(): number {
    return Number(/^\S+ +(\d{3})/.exec(this.#line)?.[1] ?? 0);
  }

  /** Whether its first line looks like a header, or is empty. */
  get hasHeaders(): boolean {
    const { end } = this.#first;
    return end === this.#from || this.#bytes.subarray(this.#from, end).includes(0x3a);
  }

  get #head(): Head {
    this.#kept ??= readHead(this.#bytes, this.#from, this.#to);
    return this.#kept;
  }

  /** What is missing of the headers, and of the body where it is waited for; 0 where nothing is. */
  missing(response: boolean, body: boolean): Missing {
    const head = this.#head;
    if (!head.whole) return 'segment';
    if (!body) return 0;
    const left = this.#to - head.end;
    if (head.waitsForChunks) return this.#chunks().whole ? 0 : 'segment';
    if (head.contentLength === null) return response ? 'end' : 0;
    if (head.contentLength >= RPC_LENGTH && (head.contentType.startsWith('application/rpc') || /^RPC_(IN|OUT)_DATA/.test(this.#line)))
      return 0;
    return Math.max(0, head.contentLength - left);
  }

  /** Where the message ends, as far as it is there. */
  end(): number {
    const head = this.#head;
    if (head.contentLength !== null && !head.encoded) return Math.min(this.#to, head.end + head.contentLength);
    const kind = httpKind(this.#bytes, this.#from, this.#first.end);
    if (head.chunked) return this.#chunks().end;
    if (kind === 'request' && !head.encoded) return head.end;
    const { status } = this;
    const bodiless = Math.floor(status / 100) === 1 || status === 204 || status === 304;
    return kind === 'response' && bodiless ? head.end : this.#to;
  }

  /** Chunks (RFC 9112 section 7.1) up to the last one, and the line behind it. */
  #chunks(): { readonly whole: boolean; readonly end: number } {
    const bytes = this.#bytes;
    const to = this.#to;
    let at = this.#head.end;
    for (;;) {
      if (at >= to) return { whole: false, end: to };
      const line = lineEnd(bytes, at, to);
      if (!line.whole) return { whole: false, end: to };
      const digits = /^\s*(?:0[xX])?([0-9a-fA-F]+)/.exec(latin(bytes, at, line.end))?.[1];
      const size = digits === undefined ? Number.NaN : Number.parseInt(digits, 16);
      // What is no size ends the waiting.
      if (Number.isNaN(size) || size > 2 ** 31) return { whole: true, end: to };
      if (size === 0) {
        const last = lineEnd(bytes, line.next, to);
        return { whole: last.whole, end: last.next };
      }
      if (to - at <= size) return { whole: false, end: to };
      at = line.next + size + 2;
    }
  }
}

/** What {@link readHead} leaves out behind a value. */
const isBlank = (byte: number): boolean => byte === 0x20 || (byte >= 9 && byte <= 13);

function readHead(bytes: Uint8Array, from: number, to: number): Head {
  let at = from;
  let contentLength: number | null = null;
  let contentType = '';
  let waitsForChunks = false;
  let chunked = false;
  let encoded = false;
  while (at < to) {
    const line = lineEnd(bytes, at, to);
    if (line.end === at) return { end: line.next, whole: line.whole, contentLength, contentType, waitsForChunks, chunked, encoded };
    const first = bytes[at]! | 0x20;
    // Only three headers matter, and they begin with these letters.
    if (first === 0x63 || first === 0x74) {
      let end = line.end;
      while (end > at && isBlank(bytes[end - 1]!)) end--;
      const header = /^(content-length|content-type|transfer-encoding):[ \t]*(?![ \t])(.*)$/i.exec(latin(bytes, at, end));
      const [, name = '', value = ''] = header ?? [];
      if (/^content-length$/i.test(name)) {
        if (/^[\t-\r ]*\d+$/.test(value) && Number(value) <= MAX_LENGTH) contentLength = Number(value);
      } else if (/^content-type$/i.test(name)) contentType = value;
      else if (name !== '') {
        encoded = !/^identity/i.test(value);
        chunked = /^chunked/i.test(value);
        waitsForChunks ||= chunked;
      }
    }
    if (!line.whole) break;
    at = line.next;
  }
  return { end: to, whole: false, contentLength, contentType, waitsForChunks, chunked, encoded };
}

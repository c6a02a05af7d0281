import { type FieldId, fieldId } from './fields.ts';
import { type HttpKind, httpKind, latin, lineEnd } from './http-lines.ts';
import { asciiText, printable } from './names.ts';
import type { Walk } from './walk.ts';

const id = fieldId;
const HTTP = id('http');
const REQUEST = id('http.request');
const RESPONSE = id('http.response');
const METHOD = id('http.request.method');
const URI = id('http.request.uri');
const REQUEST_VERSION = id('http.request.version');
const RESPONSE_VERSION = id('http.response.version');
const CODE = id('http.response.code');
const PHRASE = id('http.response.phrase');
const REQUEST_LINE = id('http.request.line');
const RESPONSE_LINE = id('http.response.line');
const CONTENT_LENGTH = id('http.content_length');
/** Headers with a field of their own, in lower case. */
const HEADERS: ReadonlyMap<string, FieldId> = new Map(
  [
    ['host', 'http.host'],
    ['user-agent', 'http.user_agent'],
    ['content-type', 'http.content_type'],
    ['content-length', 'http.content_length_header'],
    ['connection', 'http.connection'],
    ['server', 'http.server'],
    ['cookie', 'http.cookie'],
    ['set-cookie', 'http.set_cookie'],
    ['referer', 'http.referer'],
    ['accept', 'http.accept'],
    ['accept-encoding', 'http.accept_encoding'],
    ['accept-language', 'http.accept_language'],
    ['location', 'http.location'],
    ['date', 'http.date'],
    ['transfer-encoding', 'http.transfer_encoding'],
    ['cache-control', 'http.cache_control'],
    ['last-modified', 'http.last_modified'],
    ['authorization', 'http.authorization'],
  ].map(([header, field]) => [header!, id(field!)]),
);
/** Longer is nothing. */
const MAX_CONTENT = 2n ** 63n - 1n;

interface Line {
  readonly text: string;
  /** Without and with the characters that end it. */
  readonly end: number;
  readonly next: number;
}

/** The line at `at`; the last one ends with the packet, `whole` then says no. */
function line({ bytes, end: to }: Walk, at: number): Line & { readonly whole: boolean } {
  const { end, next } = lineEnd(bytes, at, to);
  return { text: latin(bytes, at, end), end, next, whole: end < to };
}

/** The lines of one message of HTTP/1 (RFC 9112), as HTTP or as what is written like it. */
export function http(walk: Walk, from: number, protocol: FieldId = HTTP): void {
  const { out, bytes } = walk;
  const start = walk.end - from > 3 && bytes[from] === 13 && bytes[from + 1] === 10 ? from + 2 : from;
  const first = line(walk, start);
  let kind = httpKind(bytes, start, first.end);
  const item = walk.open(protocol, from);
  let at = start;
  while (at < walk.end) {
    const here = line(walk, at);
    if (here.text === '') {
      at = here.next;
      break;
    }
    const begins = httpKind(bytes, at, here.end);
    const colon = here.text.indexOf(':');
    if (begins) {
      kind = begins;
      const group = out.group(at, here.next - at, printable(bytes, at, here.end));
      if (begins === 'response') statusLine(walk, at, here.text);
      else requestLine(walk, at, here.text);
      out.level = out.depth[group]!;
    } else if (colon >= 0) header(walk, at, here, colon, kind);
    else {
      // Behind headers, what has no colon is one that is not all there.
      if (!here.whole && at > start) walk.need(walk.end, 1);
      break;
    }
    at = here.next;
  }
  if (kind === 'request') out.add(REQUEST, from, 0, 1);
  else if (kind === 'response') out.add(RESPONSE, from, 0, 1);
  // The capture cut the message.
  if (walk.end < walk.wire) walk.need(walk.end, 1);
  out.close(item, walk.end);
}

/** `GET /path HTTP/1.1`: each part ends with spaces, the last one with the line; several behind the method enclose a path that is empty. */
function requestLine({ out, bytes }: Walk, at: number, text: string): void {
  const space = text.indexOf(' ');
  const method = space < 0 ? text : text.slice(0, space);
  const uri = space < 0 ? '' : text.slice(space + 1).split(' ', 1)[0]!;
  let rest = method.length + (uri === '' ? 0 : uri.length + 1);
  while (text[rest] === ' ') rest++;
  const version = text.slice(rest);
  out.addText(METHOD, at, method.length, asciiText(bytes, at, at + method.length));
  const uriAt = at + text.indexOf(uri, method.length);
  if (text.length <= method.length) return;
  out.addText(URI, uriAt, uri.length, asciiText(bytes, uriAt, uriAt + uri.length));
  const versionAt = at + text.length - version.length;
  out.addText(REQUEST_VERSION, versionAt, version.length, asciiText(bytes, versionAt, versionAt + version.length));
}

/** `HTTP/1.1 200 OK`. */
function statusLine({ out, bytes }: Walk, at: number, text: string): void {
  const parts = /^([^ ]*) *([^ ]*) *(.*)$/s.exec(text);
  if (!parts) return;
  const [, version = '', code = '', phrase = ''] = parts;
  out.addText(RESPONSE_VERSION, at, version.length, asciiText(bytes, at, at + version.length));
  if (code.length < 3) return;
  // Three characters, as far as they are digits.
  out.add(CODE, at + text.indexOf(code, version.length), 3, Number.parseInt(code.slice(0, 3), 10) || 0);
  const phraseAt = at + text.length - phrase.length;
  if (text.length > version.length + 1 + code.length) {
    out.addText(PHRASE, phraseAt, phrase.length, asciiText(bytes, phraseAt, phraseAt + phrase.length));
  }
}

function header({ out, bytes }: Walk, at: number, { end, next, text }: Line, colon: number, kind: HttpKind | null): void {
  const whole = asciiText(bytes, at, next);
  const field = HEADERS.get(text.slice(0, colon).toLowerCase());
  let valueAt = at + colon + 1;
  while (valueAt < end && (bytes[valueAt] === 0x20 || bytes[valueAt] === 9)) valueAt++;
  if (field === undefined) out.group(at, next - at, printable(bytes, at, end));
  else {
    const value = asciiText(bytes, valueAt, end);
    out.addText(field, at, next - at, value);
    out.level++;
    const digits = field === HEADERS.get('content-length') ? /^\d+(?=[\t-\r ]|$)/.exec(value) : null;
    if (digits && BigInt(digits[0]) <= MAX_CONTENT) out.add(CONTENT_LENGTH, at, next - at, Number(digits[0]));
  }
  // Wireshark counts the lines of what asks for an event, as SSDP does, to neither.
  if (kind === 'request' || kind === 'response') out.addText(kind === 'response' ? RESPONSE_LINE : REQUEST_LINE, at, next - at, whole);
  out.level--;
}

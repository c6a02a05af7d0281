import { certificates, timestamps } from './certificates.ts';
import { type FieldId, fieldId } from './fields.ts';
import { CURVE, TWO_NUMBERS, UNSIGNED } from './key-exchange.ts';
import { asciiText } from './names.ts';
import { OpenMessage } from './open-message.ts';
import { oldRecord } from './ssl2.ts';
import {
  APPLICATION_DATA,
  CLIENT_HELLO,
  HANDSHAKE,
  HANDSHAKE_NAMES,
  SERVER_HELLO,
  TLS_1_2,
  TLS_HEADER,
  type TlsRecord,
  TlsSession,
} from './tls-records.ts';
import type { Walk } from './walk.ts';

const id = fieldId;
const TLS = id('tls');
const CONTENT_TYPE = id('tls.record.content_type');
const RECORD_VERSION = id('tls.record.version');
const RECORD_LENGTH = id('tls.record.length');
const HANDSHAKE_TYPE = id('tls.handshake.type');
const HANDSHAKE_LENGTH = id('tls.handshake.length');
const HANDSHAKE_VERSION = id('tls.handshake.version');
const RANDOM = id('tls.handshake.random');
const SESSION_LENGTH = id('tls.handshake.session_id_length');
const SESSION = id('tls.handshake.session_id');
const SUITES_LENGTH = id('tls.handshake.cipher_suites_length');
const SUITE = id('tls.handshake.ciphersuite');
const METHODS_LENGTH = id('tls.handshake.comp_methods_length');
const METHOD = id('tls.handshake.comp_method');
const EXTENSIONS_LENGTH = id('tls.handshake.extensions_length');
const EXTENSION_TYPE = id('tls.handshake.extension.type');
const EXTENSION_LEN = id('tls.handshake.extension.len');
const SNI_LIST = id('tls.handshake.extensions_server_name_list_len');
const SNI_TYPE = id('tls.handshake.extensions_server_name_type');
const SNI_LEN = id('tls.handshake.extensions_server_name_len');
const SNI = id('tls.handshake.extensions_server_name');
const ALPN_LEN = id('tls.handshake.extensions_alpn_len');
const ALPN_STR_LEN = id('tls.handshake.extensions_alpn_str_len');
const ALPN_STR = id('tls.handshake.extensions_alpn_str');
const VERSIONS_LEN = id('tls.handshake.extensions.supported_versions_len');
const VERSION = id('tls.handshake.extensions.supported_version');
const GROUPS_LEN = id('tls.handshake.extensions_supported_groups_length');
const GROUP = id('tls.handshake.extensions_supported_group');
const SIGNATURES_LEN = id('tls.handshake.sig_hash_alg_len');
const SIGNATURE = id('tls.handshake.sig_hash_alg');

const CERTIFICATE = 11;
const SERVER_KEY_EXCHANGE = 12;
const CERTIFICATE_REQUEST = 13;
const CERTIFICATE_VERIFY = 15;
const EXT_SERVER_NAME = 0;
const EXT_GROUPS = 10;
const EXT_SIGNATURES = 13;
const EXT_ALPN = 16;
const EXT_TIMESTAMPS = 18;
const EXT_DELEGATED = 34;
const EXT_CERTIFICATE_SIGNATURES = 50;
const EXT_VERSIONS = 43;

/**
 * Records (RFC 8446 section 5.1) of one segment up to `to`; the hellos in full, other handshake messages by type and length. `state` is the session's
 * before it, `begun` the beginning of the message that its first record ends. A hello that claims more than its record is read on behind `to`, as Wireshark has it.
 */
export function tls(walk: Walk, from: number, to: number, state: number, begun: Uint8Array | null): void {
  const { out, bytes } = walk;
  const session = TlsSession.of(state);
  if (begun) session.open = new OpenMessage(begun);
  const item = walk.open(TLS, from);
  for (let at = from; at < to; ) {
    if (to - at >= TLS_HEADER) walk.need(at, TLS_HEADER);
    const record = session.record(bytes, at, to);
    // What is not all there was not told to come.
    if (!record || record.end > to) {
      out.group(at, to - at, 'Continuation data');
      break;
    }
    const group = out.group(at, record.end - at, 'Record layer');
    if (record.kind === 'ssl 2') oldRecord(walk, session, at, record);
    else if (record.kind === 'tls') newRecord(walk, session, at, record, at === from ? begun : null);
    out.level = out.depth[group]!;
    at = record.end;
  }
  out.close(item, Math.min(walk.end, to));
}

function newRecord(walk: Walk, session: TlsSession, at: number, record: TlsRecord, begun: Uint8Array | null): void {
  const content = at + TLS_HEADER;
  const type = walk.u8(at);
  // Of TLS 1.3 the type of data is a pretext, which Wireshark calls another field.
  if (!session.isTls13 || type !== APPLICATION_DATA) walk.add8(CONTENT_TYPE, at);
  walk.add16(RECORD_VERSION, at + 1);
  walk.add16(RECORD_LENGTH, at + 3);
  if (type === HANDSHAKE) walk.need(content, record.end - content);
  session.pass(walk.bytes, at, record);
  if (type === HANDSHAKE && !session.inside) handshakes(walk, content, record.end, session, begun);
}

/** The messages of a record; of the one that began before it, `begun` is what came. */
function handshakes(walk: Walk, from: number, end: number, session: TlsSession, begun: Uint8Array | null): void {
  const { out } = walk;
  let at = begun ? ending(walk, from, end, session, begun) : from;
  while (at < end) {
    const length = end - at < 4 ? 0 : walk.u24(at + 1);
    if ((!begun && at === from && session.seemsEncrypted(walk.bytes, at, end)) || at + 4 + length > end) {
      out.group(at, end - at, 'Encrypted handshake message');
      out.level--;
      return;
    }
    handshake(walk, at, length, session);
    at += 4 + length;
  }
}

/** The message that ends in a record, put together; returns where it ends there. */
function ending(walk: Walk, from: number, end: number, session: TlsSession, begun: Uint8Array): number {
  const { out, bytes, end: captured, wire } = walk;
  const message = new OpenMessage(begun);
  const behind = message.take(bytes, from, end);
  const group = out.group(from, behind - from, 'End of a handshake message');
  const source = out.from;
  out.sources.push(message.bytes);
  out.from = out.sources.length - 1;
  Object.assign(walk, { bytes: message.bytes, end: message.bytes.length, wire: message.bytes.length });
  handshake(walk, 0, message.bytes.length - 4, session);
  Object.assign(walk, { bytes, end: captured, wire });
  out.from = source;
  out.level = out.depth[group]!;
  return behind;
}

function handshake(walk: Walk, at: number, length: number, session: TlsSession): void {
  const { out } = walk;
  const type = walk.u8(at);
  if (!(type in HANDSHAKE_NAMES)) return;
  const group = out.group(at, 4 + length, HANDSHAKE_NAMES[type]!);
  walk.add8(HANDSHAKE_TYPE, at);
  walk.add24(HANDSHAKE_LENGTH, at + 1);
  const start = at + 4;
  if (type === CLIENT_HELLO || type === SERVER_HELLO) hello(walk, start, start + length, type === CLIENT_HELLO, session);
  else if (type === CERTIFICATE) certificates(walk, start, start + length, SIGNATURE);
  else if (session.version === TLS_1_2) signatures(walk, type, start, start + length, session.exchange);
  out.level = out.depth[group]!;
}

/** The signature algorithms that messages of TLS 1.2 name (RFC 5246 section 7.4). */
function signatures(walk: Walk, type: number, at: number, end: number, exchange: number): void {
  if (type === CERTIFICATE_VERIFY) walk.add16(SIGNATURE, at);
  else if (type === CERTIFICATE_REQUEST) {
    const list = at + 1 + walk.u8(at);
    list16(walk, SIGNATURE, list + 2, walk.add16(SIGNATURES_LEN, list));
  } else if (type === SERVER_KEY_EXCHANGE && exchange !== UNSIGNED) {
    const behind = exchange === CURVE ? behindCurve(walk, at, end) : behindNumbers(walk, at, exchange === TWO_NUMBERS ? 2 : 3);
    if (behind >= 0) walk.add16(SIGNATURE, behind);
  }
}

const NAMED_CURVE = 3;

/** Behind a named curve and a point of it; -1 where it is another kind of curve. */
function behindCurve(walk: Walk, at: number, end: number): number {
  if (walk.u8(at) !== NAMED_CURVE || at + 3 >= end) return -1;
  const length = walk.u8(at + 3);
  walk.need(at + 4, length);
  return at + 4 + length;
}

function behindNumbers(walk: Walk, from: number, count: number): number {
  let at = from;
  for (let i = 0; i < count; i++) {
    const length = walk.u16(at);
    walk.need(at + 2, length);
    at += 2 + length;
  }
  return at;
}

/** What has its length in front must fit into the message; what has none may go beyond it, as Wireshark has it. */
function hello(walk: Walk, from: number, end: number, client: boolean, session: TlsSession): void {
  walk.add16(HANDSHAKE_VERSION, from);
  walk.addBytes(RANDOM, from + 2, 32);
  const short = !client && session.isShortHello;
  let at = from + 34;
  if (!short) {
    const length = walk.add8(SESSION_LENGTH, at);
    if (length > 0) walk.addBytes(SESSION, at + 1, length);
    at += 1 + length;
  }
  if (client) {
    if (end - at < 2) return;
    const suites = walk.add16(SUITES_LENGTH, at);
    at += 2;
    if (suites > end - at) return;
    list16(walk, SUITE, at, suites);
    at += suites;
    if (end - at < 1) return;
    const methods = walk.add8(METHODS_LENGTH, at++);
    if (methods > end - at) return;
    for (let i = 0; i < methods; i++) walk.add8(METHOD, at++);
  } else {
    walk.add16(SUITE, at);
    if (!short) walk.add8(METHOD, at + 2);
    at += short ? 2 : 3;
  }
  if (end - at < 2) return;
  const length = walk.add16(EXTENSIONS_LENGTH, at);
  at += 2;
  if (length <= end - at) extensions(walk, at, at + length, client, session);
}

function list16(walk: Walk, field: FieldId, at: number, length: number): void {
  for (let i = 0; i + 2 <= length; i += 2) walk.add16(field, at + i);
}

function extensions(walk: Walk, from: number, end: number, client: boolean, session: TlsSession): void {
  const { out } = walk;
  let at = from;
  while (end - at >= 4) {
    const type = walk.u16(at);
    const length = walk.u16(at + 2);
    const group = out.group(at, 4 + length, `Extension ${type}`);
    walk.add16(EXTENSION_TYPE, at);
    walk.add16(EXTENSION_LEN, at + 2);
    const start = at + 4;
    if (length > end - start) {
      out.level = out.depth[group]!;
      return;
    }
    // What a server says in these has one length: tshark reads as much, whatever theirs is.
    if (!client && type === EXT_VERSIONS) walk.add16(VERSION, start);
    else if (!client && type === EXT_DELEGATED) walk.add16(SIGNATURE, start + 4);
    else walk.within(start, length, () => extension(walk, type, start, length, session));
    out.level = out.depth[group]!;
    at += 4 + length;
  }
}

function extension(walk: Walk, type: number, at: number, length: number, session: TlsSession): void {
  const { out } = walk;
  if (length === 0) return;
  if (type === EXT_SERVER_NAME) {
    const size = walk.add16(SNI_LIST, at);
    for (let entry = at + 2; entry + 3 <= at + 2 + size && entry + 3 <= walk.wire; ) {
      walk.add8(SNI_TYPE, entry);
      const bytes = walk.add16(SNI_LEN, entry + 1);
      walk.need(entry + 3, bytes);
      out.addText(SNI, entry + 3, bytes, asciiText(walk.bytes, entry + 3, entry + 3 + bytes));
      entry += 3 + bytes;
    }
  } else if (type === EXT_ALPN) {
    const size = walk.add16(ALPN_LEN, at);
    for (let entry = at + 2; entry < at + 2 + size && entry < walk.wire; ) {
      const bytes = walk.add8(ALPN_STR_LEN, entry);
      walk.need(entry + 1, bytes);
      out.addText(ALPN_STR, entry + 1, bytes, asciiText(walk.bytes, entry + 1, entry + 1 + bytes));
      entry += 1 + bytes;
    }
  } else if (type === EXT_VERSIONS) list16(walk, VERSION, at + 1, walk.add8(VERSIONS_LEN, at));
  else if (type === EXT_GROUPS) list16(walk, GROUP, at + 2, walk.add16(GROUPS_LEN, at));
  else if (type === EXT_TIMESTAMPS) {
    // Before TLS 1.2, signatures did not name their algorithm.
    if (session.version >= TLS_1_2) timestamps(walk, at, at + length, SIGNATURE);
  } else if (type === EXT_SIGNATURES || type === EXT_CERTIFICATE_SIGNATURES || type === EXT_DELEGATED)
    list16(walk, SIGNATURE, at + 2, walk.add16(SIGNATURES_LEN, at));
}

import { exchangeOf, UNSIGNED } from './key-exchange.ts';
import { OpenMessage } from './open-message.ts';

export const TLS_HEADER = 5;
/** Change of cipher, alert, handshake, data, heartbeat, and records with an identifier of their connection. */
const CONTENT_TYPES: ReadonlySet<number> = new Set([20, 21, 22, 23, 24, 25]);
export const SSL_2 = 2;
const SSL_3 = 0x300;
export const TLS_1_3 = 0x304;
/** SSL 3.0 to TLS 1.2, which TLS 1.3 writes too, and China's. */
export const VERSIONS: ReadonlySet<number> = new Set([SSL_3, 0x301, 0x302, 0x303, 0x101]);
export const TLS_1_2 = 0x303;
const MAX_RECORD = 0x4000;
export const HANDSHAKE = 22;
export const APPLICATION_DATA = 23;
export const CLIENT_HELLO = 1;
export const SERVER_HELLO = 2;
/** Of TLS; what is not among them is taken for an encrypted one. */
export const HANDSHAKE_NAMES: Readonly<Record<number, string>> = {
  0: 'Hello request',
  1: 'Client hello',
  2: 'Server hello',
  3: 'Hello verify request',
  4: 'New session ticket',
  5: 'End of early data',
  6: 'Hello retry request',
  8: 'Encrypted extensions',
  11: 'Certificate',
  12: 'Server key exchange',
  13: 'Certificate request',
  14: 'Server hello done',
  15: 'Certificate verify',
  16: 'Client key exchange',
  20: 'Finished',
  21: 'Certificate URL',
  22: 'Certificate status',
  23: 'Supplemental data',
  24: 'Key update',
  25: 'Compressed certificate',
  67: 'Encrypted extensions',
};
/** Only of DTLS. */
const HELLO_VERIFY = 3;

const u16At = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;

/** Whether a record of the handshake's or of data's type and of a version that exists begins here, of a length that may be. */
function beginsRecord(bytes: Uint8Array, at: number, end: number): boolean {
  const length = u16At(bytes, at + 3);
  const common = bytes[at] === HANDSHAKE || bytes[at] === APPLICATION_DATA;
  return end - at >= TLS_HEADER && common && VERSIONS.has(u16At(bytes, at + 1)) && length > 0 && length < MAX_RECORD + 2048;
}

const SHORTEST_OLD_HELLO = 46;
const CHALLENGE = 32;

/** A client's hello as SSL 2 wrote it (RFC 5246 appendix E.2). */
function beginsOldHello(bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at < SHORTEST_OLD_HELLO || bytes[at] !== 0x80 || bytes[at + 2] !== CLIENT_HELLO) return false;
  const [ciphers, session] = [u16At(bytes, at + 5), u16At(bytes, at + 7)];
  return ciphers > 0 && ciphers % 3 === 0 && (session === 0 || session === 16) && u16At(bytes, at + 9) === CHALLENGE;
}

/** On any port. */
export const looksLikeTls = (bytes: Uint8Array, at: number, end: number): boolean =>
  beginsRecord(bytes, at, end) || beginsOldHello(bytes, at, end);

/** A record, or what an unknown version leaves of one. */
export interface TlsRecord {
  readonly kind: 'tls' | 'ssl 2' | 'passed over';
  readonly header: number;
  /** Behind it, whether it is all there or not. */
  readonly end: number;
}

/** Versions by the numbers that a session's state has for them. */
const STATES: readonly number[] = [0, SSL_2, SSL_3, 0x301, 0x302, TLS_1_2, 0x101, TLS_1_3];
const ENCRYPTED = 8;
/** Four kinds of key exchanges. */
const EXCHANGE = 16;
const INSIDE = 64;
const DRAFT = 128;
/** No message in the clear is longer. */
const LONGEST_MESSAGE = 0x10000;
/** What is encrypted is longer, for the sake of its checksum. */
const SHORTEST_ENCRYPTED = 16;
const SUPPORTED_VERSIONS = 43;
const EARLY_DATA = 42;
/** The first draft whose server's hello has a session and a compression again. */
const FULL_HELLO = 22;

/** What a connection has agreed on as far as one of its directions was read; Wireshark's rules (packet-tls.c and packet-tls-utils.c of 4.0). */
export class TlsSession {
  /** 0 unknown. */
  version = 0;
  /** Of TLS 1.3; 0 of the final one. */
  draft = 0;
  /** The direction changed its cipher in an earlier packet. */
  encrypted = false;
  /** Of the cipher suite that a server's hello chose. */
  exchange = UNSIGNED;
  /** The next record of a handshake lies within a message that began before it and goes on behind it. */
  inside = false;
  /** Message of the direction that goes on in its next record. */
  open: OpenMessage | null = null;

  /** As a number, which says all of it. */
  get state(): number {
    return (
      STATES.indexOf(this.version) +
      (this.encrypted ? ENCRYPTED : 0) +
      this.exchange * EXCHANGE +
      (this.inside ? INSIDE : 0) +
      this.draft * DRAFT
    );
  }

  static of(state: number): TlsSession {
    const session = new TlsSession();
    session.version = STATES[state % ENCRYPTED]!;
    session.encrypted = (state & ENCRYPTED) !== 0;
    session.exchange = (state >> 4) & 3;
    session.inside = (state & INSIDE) !== 0;
    session.draft = Math.floor(state / DRAFT);
    return session;
  }

  get isTls13(): boolean {
    return this.version === TLS_1_3;
  }

  /** Drafts of TLS 1.3 whose server's hello has neither session nor compression. */
  get isShortHello(): boolean {
    return this.isTls13 && this.draft > 0 && this.draft < FULL_HELLO;
  }

  /** The record at `at`; null where none begins, and nothing where not enough is there to tell. */
  record(bytes: Uint8Array, at: number, end: number): TlsRecord | null | undefined {
    const [first, third] = [bytes[at]!, bytes[at + 2]!];
    if (this.version !== SSL_2) {
      if (end - at < TLS_HEADER) return undefined;
      const known = VERSIONS.has(this.version);
      const old = known ? first === 0x80 && third === CLIENT_HELLO : first >= 0x80 && (third < 3 || third === 4);
      if (!old) {
        const record = { header: TLS_HEADER, end: at + TLS_HEADER + u16At(bytes, at + 3) };
        if (CONTENT_TYPES.has(first)) return known || VERSIONS.has(u16At(bytes, at + 1)) ? { kind: 'tls', ...record } : null;
        return this.version === SSL_3 ? { kind: 'passed over', ...record } : null;
      }
    }
    const header = first >= 0x80 ? 2 : 3;
    if (end - at < header) return undefined;
    return { kind: 'ssl 2', header, end: at + header + (u16At(bytes, at) & (header === 2 ? 0x7fff : 0x3fff)) };
  }

  /** Learns from a record that is all there. */
  pass(bytes: Uint8Array, at: number, { kind, header, end }: TlsRecord): void {
    const type = bytes[at]!;
    const message = bytes[at + header]!;
    if (kind === 'ssl 2') {
      if (this.version === 0 && message >= 2 && message <= 8) this.version = SSL_2;
      return;
    }
    if (kind !== 'tls') return;
    const tells = type !== HANDSHAKE || (message in HANDSHAKE_NAMES && message !== CLIENT_HELLO && message !== HELLO_VERIFY);
    if (this.version === 0 && tells && (end > at + header || type !== HANDSHAKE)) this.#agree(u16At(bytes, at + 1));
    if (type !== HANDSHAKE || this.inside) return;
    let from = at + header;
    if (this.open) {
      from = this.open.take(bytes, from, end);
      if (!this.open.whole) return;
      const { bytes: message, length, tooLong } = this.open;
      this.open = null;
      if (tooLong) return;
      this.#message(message, 0, length, true);
    } else if (this.seemsEncrypted(bytes, from, end)) return;
    while (from < end) {
      const next = from + 4 + u16At(bytes, from + 2) + (bytes[from + 1]! << 16);
      if (from + 4 > end || next > end) {
        this.open = new OpenMessage(bytes.subarray(from, end));
        return;
      }
      this.#message(bytes, from, next, from === at + header);
      from = next;
    }
  }

  /** An encrypted message reads like anything: it is one of an unknown type, of a length that cannot be, or begins with the zeros of a counter. */
  seemsEncrypted(bytes: Uint8Array, at: number, end: number): boolean {
    if (end - at < SHORTEST_ENCRYPTED) return false;
    const length = (bytes[at + 1]! << 16) | u16At(bytes, at + 2);
    const zeros = bytes[at] === 0 && length === 0 && bytes[at + 4] === 0;
    return this.encrypted || zeros || !(bytes[at]! in HANDSHAKE_NAMES) || length >= LONGEST_MESSAGE;
  }

  #agree(version: number, draft = 0): void {
    if (!VERSIONS.has(version) && version !== TLS_1_3) return;
    this.version = version;
    this.draft = draft;
  }

  #message(bytes: Uint8Array, from: number, to: number, first: boolean): void {
    const type = bytes[from];
    if (type === SERVER_HELLO) {
      if (first && to - from > 6) {
        const version = chosenVersion(bytes, from, to);
        const draft = version >> 8 === 0x7f || version === 0xfb17 || version === 0xfb1a;
        this.#agree(draft ? TLS_1_3 : version, draft ? version & 0xff : 0);
      }
      const session = from + 38;
      this.exchange = exchangeOf(u16At(bytes, this.isShortHello ? session : session + 1 + (bytes[session] ?? 0)));
    } else if (type === CLIENT_HELLO) {
      const session = from + 38;
      const suites = session + 1 + (bytes[session] ?? 0);
      const methods = suites + 2 + (suites + 2 <= to ? u16At(bytes, suites) : 0);
      for (const [extension, at, end] of extensions(bytes, methods + 1 + (bytes[methods] ?? 0), to)) {
        if (extension === EARLY_DATA) this.version = TLS_1_3;
        if (extension !== SUPPORTED_VERSIONS) continue;
        let draft = 0;
        for (let i = at + 1; i + 2 <= end; i += 2) if (bytes[i] === 0x7f) draft = Math.max(draft, bytes[i + 1]!);
        if (draft > 0) this.draft = draft;
      }
    }
  }
}

/** Extensions behind their length at `at`, as type, beginning and end. */
function* extensions(bytes: Uint8Array, at: number, to: number): Generator<readonly [type: number, from: number, to: number]> {
  if (at + 2 > to) return;
  const end = Math.min(to, at + 2 + u16At(bytes, at));
  for (let from = at + 2; from + 4 <= end; ) {
    const next = from + 4 + u16At(bytes, from + 2);
    if (next > end) return;
    yield [u16At(bytes, from), from + 4, next];
    from = next;
  }
}

/** The version that a server's hello chooses: an extension says so of those behind TLS 1.2 (RFC 8446 section 4.2.1). */
function chosenVersion(bytes: Uint8Array, from: number, to: number): number {
  const version = u16At(bytes, from + 4);
  if (version !== TLS_1_2) return version;
  // Random value, session, cipher and compression come before the extensions.
  const session = from + 38;
  for (const [type, at, end] of extensions(bytes, session + 1 + (bytes[session] ?? 0) + 3, to))
    if (type === SUPPORTED_VERSIONS && end - at === 2) return u16At(bytes, at);
  return version;
}

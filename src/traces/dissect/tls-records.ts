export const TLS_HEADER = 5;
/** Change of cipher, alert, handshake, data and heartbeat. */
export const CONTENT_TYPES: ReadonlySet<number> = new Set([20, 21, 22, 23, 24]);
/** SSL 3.0 to TLS 1.2, which TLS 1.3 writes too, and China's. */
export const VERSIONS: ReadonlySet<number> = new Set([0x300, 0x301, 0x302, 0x303, 0x101]);
const MAX_RECORD = 0x4000;
const HANDSHAKE = 22;
const APPLICATION_DATA = 23;

/** Whether a record begins at `at`, of which five bytes are there; in a connection that is `known` to be TLS, its version is not looked at. */
export const isTlsRecord = (bytes: Uint8Array, at: number, known: boolean): boolean =>
  CONTENT_TYPES.has(bytes[at]!) && (known || VERSIONS.has((bytes[at + 1]! << 8) | bytes[at + 2]!));

/** On any port: a record of a handshake or of data, of a version that exists and a length that may be. */
export function looksLikeTls(bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at < TLS_HEADER) return false;
  const type = bytes[at]!;
  const length = (bytes[at + 3]! << 8) | bytes[at + 4]!;
  if (type !== HANDSHAKE && type !== APPLICATION_DATA) return false;
  return isTlsRecord(bytes, at, false) && length > 0 && length < MAX_RECORD + 2048;
}

const SERVER_HELLO = 2;
const SUPPORTED_VERSIONS = 43;
/** TLS 1.3, its drafts, and those of Facebook. */
const isTls13 = (version: number): boolean => version === 0x304 || version >> 8 === 0x7f || version === 0xfb17 || version === 0xfb1a;

/** Drafts of TLS 1.3 whose server hello has neither session nor compression. */
export const isShortHello = (version: number): boolean => version >= 0x7f0e && version <= 0x7f15;

/** Whether handshake messages in [from, to) begin with a server's hello that chooses TLS 1.3 (RFC 8446 section 4.2.1), or a draft of it. */
export function choosesTls13(bytes: Uint8Array, from: number, to: number): boolean {
  if (bytes[from] !== SERVER_HELLO) return false;
  const u16 = (at: number) => (at + 2 <= to ? (bytes[at]! << 8) | bytes[at + 1]! : 0);
  if (isTls13(u16(from + 4))) return true;
  // Version, random value, session, cipher and compression come before the extensions.
  let at = from + 4 + 34;
  at += 1 + (bytes[at] ?? 0) + 3;
  const end = Math.min(to, at + 2 + u16(at));
  for (at += 2; at + 4 <= end; at += 4 + u16(at + 2)) if (u16(at) === SUPPORTED_VERSIONS) return isTls13(u16(at + 4));
  return false;
}

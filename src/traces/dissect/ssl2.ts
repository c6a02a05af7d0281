import { fieldId } from './fields.ts';
import { SSL_2, TLS_1_3, type TlsRecord, type TlsSession, VERSIONS } from './tls-records.ts';
import type { Walk } from './walk.ts';

const RECORD_VERSION = fieldId('tls.record.version');
const RECORD_LENGTH = fieldId('tls.record.length');
const MESSAGE_TYPE = fieldId('tls.handshake.type');
const VERSION = fieldId('tls.handshake.version');
const SESSION_LENGTH = fieldId('tls.handshake.session_id_length');
const SESSION = fieldId('tls.handshake.session_id');

const CLIENT_HELLO = 1;
const CLIENT_MASTER_KEY = 2;
const SERVER_HELLO = 4;
const LONGEST_SESSION = 16;

/** A record of SSL 2 (https://www-archive.mozilla.org/projects/security/pki/nss/ssl/draft02.html): the three messages in the clear by what they share with TLS. */
export function oldRecord(walk: Walk, session: TlsSession, at: number, record: TlsRecord): void {
  const { out } = walk;
  const content = at + record.header;
  const type = walk.u8(content);
  session.pass(walk.bytes, at, record);
  const clear = inTheClear(walk, type, content, record.end - content);
  out.add(RECORD_VERSION, at, 0, SSL_2);
  if (!clear) return;
  out.add(RECORD_LENGTH, at, record.header, record.end - content);
  out.add(MESSAGE_TYPE, content, 1, type);
  if (type === CLIENT_HELLO) {
    walk.add16(VERSION, content + 1);
    const length = walk.add16(SESSION_LENGTH, content + 5);
    const challenge = walk.u16(content + 7);
    const behind = content + 9 + 3 * Math.ceil(walk.u16(content + 3) / 3);
    if (length > LONGEST_SESSION) return;
    if (length > 0) walk.addBytes(SESSION, behind, length);
    walk.need(behind + length, challenge);
  } else if (type === SERVER_HELLO) walk.add16(VERSION, content + 3);
}

const isVersion = (version: number): boolean => version === SSL_2 || version === TLS_1_3 || VERSIONS.has(version);

/** What encrypted bytes hardly say. */
function inTheClear(walk: Walk, type: number, at: number, length: number): boolean {
  if (type === CLIENT_HELLO) return isVersion(walk.u16(at + 1));
  if (type === SERVER_HELLO) return isVersion(walk.u16(at + 3));
  return type === CLIENT_MASTER_KEY && walk.u16(at + 4) + walk.u16(at + 6) + walk.u16(at + 8) <= length;
}

const HTTP = /^(?:(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|CONNECT|TRACE) (\S+)|HTTP\/1\.[01] (\d{3}[^\r\n]*))/;
const MAX_TEXT = 120;

const u16 = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1];

/** Bytes as one line: everything but printable ASCII becomes a dot. */
function line(bytes: Uint8Array, max = MAX_TEXT): string {
  let text = '';
  for (const byte of bytes.subarray(0, max)) {
    if (byte === 10 || byte === 13) break;
    text += byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.';
  }
  return text;
}

/** One line about what TCP or UDP carries, or null when no known protocol shows. */
export function payloadInfo(payload: Uint8Array, isTcp: boolean, sourcePort: number, destinationPort: number): string | null {
  if (payload.length === 0) return null;
  const isPort = (port: number) => sourcePort === port || destinationPort === port;
  if (isPort(53)) return dnsInfo(isTcp ? payload.subarray(2) : payload);
  if (!isTcp) return null;
  const text = line(payload);
  const http = HTTP.exec(text);
  if (http) return http[1] ? `HTTP ${http[1]} ${http[2]}` : `HTTP ${http[3]}`;
  if (text.startsWith('SSH-')) return `SSH ${text}`;
  if (isPort(25) || isPort(587)) return `SMTP ${text}`;
  return payload.length >= 6 && payload[1] === 3 && payload[0] >= 20 && payload[0] <= 23 ? tlsInfo(payload) : null;
}

/** Record and handshake types of RFC 8446. */
const TLS_RECORDS: Record<number, string> = { 20: 'change cipher spec', 21: 'alert', 22: 'handshake', 23: 'application data' };
const TLS_HANDSHAKES: Record<number, string> = {
  1: 'client hello',
  2: 'server hello',
  4: 'session ticket',
  11: 'certificate',
  16: 'key exchange',
  20: 'finished',
};

function tlsInfo(payload: Uint8Array): string {
  if (payload[0] !== 22) return `TLS ${TLS_RECORDS[payload[0]]}`;
  const name = payload[5] === 1 ? serverName(payload) : null;
  return `TLS ${TLS_HANDSHAKES[payload[5]] ?? 'handshake'}${name ? ` for ${name}` : ''}`;
}

/** The host of a client hello (RFC 6066 section 3); every length in it is the sender's, so each step stays within the bytes. */
function serverName(payload: Uint8Array): string | null {
  // Record header 5, handshake header 4, version 2, random 32; then session id, cipher suites and compression methods.
  let at = 43;
  if (at >= payload.length) return null;
  at += 1 + payload[at];
  if (at + 2 > payload.length) return null;
  at += 2 + u16(payload, at);
  if (at >= payload.length) return null;
  at += 1 + payload[at] + 2;
  while (at + 4 <= payload.length) {
    const size = u16(payload, at + 2);
    if (u16(payload, at) === 0 && at + 9 <= payload.length) return line(payload.subarray(at + 9, at + 9 + u16(payload, at + 7)));
    at += 4 + size;
  }
  return null;
}

function dnsInfo(message: Uint8Array): string | null {
  if (message.length < 12) return null;
  const kind = message[2] & 0x80 ? 'response' : 'query';
  const labels: string[] = [];
  let at = 12;
  // A name in a question is not compressed; 128 labels are more than 255 bytes can hold.
  while (at < message.length && message[at] > 0 && message[at] < 64 && labels.length < 128) {
    labels.push(line(message.subarray(at + 1, at + 1 + message[at])));
    at += 1 + message[at];
  }
  return `DNS ${kind} ${labels.join('.') || '.'}`;
}

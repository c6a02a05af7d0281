const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export const macText = (bytes: Uint8Array, at: number): string =>
  `${HEX[bytes[at]!]}:${HEX[bytes[at + 1]!]}:${HEX[bytes[at + 2]!]}:${HEX[bytes[at + 3]!]}:${HEX[bytes[at + 4]!]}:${HEX[bytes[at + 5]!]}`;

export const ipv4Text = (bytes: Uint8Array, at: number): string => `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;

/** Shortened as RFC 5952 wants it: the longest run of two or more zero groups becomes `::`; IPv4-mapped addresses end in an IPv4 one. */
export function ipv6Text(bytes: Uint8Array, at: number): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[at + 2 * i]! << 8) | bytes[at + 2 * i + 1]!).toString(16));
  let best = { from: 0, length: 1 };
  for (let from = 0; from < 8; from++) {
    let length = 0;
    while (from + length < 8 && groups[from + length] === '0') length++;
    if (length > best.length) best = { from, length };
  }
  if (best.from === 0 && best.length === 5 && groups[5] === 'ffff') return `::ffff:${ipv4Text(bytes, at + 12)}`;
  if (best.length < 2) return groups.join(':');
  return `${groups.slice(0, best.from).join(':')}::${groups.slice(best.from + best.length).join(':')}`;
}

/** Bytes as hex digits without anything between. */
export function hexText(bytes: Uint8Array, from = 0, to = bytes.length): string {
  let text = '';
  for (let at = from; at < to; at++) text += HEX[bytes[at]!];
  return text;
}

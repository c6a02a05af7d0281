import type { FieldId } from './fields.ts';
import type { Walk } from './walk.ts';

const SEQUENCE = 0x30;
const OBJECT_ID = 0x06;
const OCTETS = 0x04;
/** `[3]`, which holds the extensions of a certificate (RFC 5280 section 4.1). */
const EXTENSIONS = 0xa3;
/** 1.3.6.1.4.1.11129.2.4.2 (RFC 6962 section 3.3). */
const TIMESTAMPS = '2b06010401d679020402';
/** Version, log and time come first in a timestamp. */
const BEFORE_EXTENSIONS = 1 + 32 + 8;

/** A value of DER: its tag, and where its content begins and ends. */
interface Value {
  readonly tag: number;
  readonly from: number;
  readonly to: number;
}

/** The values from `from` on, up to the first that does not fit before `to`. */
function* values(bytes: Uint8Array, from: number, to: number): Generator<Value> {
  let at = from;
  while (at + 2 <= to) {
    const [tag, first] = [bytes[at]!, bytes[at + 1]!];
    at += 2;
    let length = first;
    if (first >= 0x80) {
      // No length of a certificate takes more than three bytes, as TLS has no longer ones.
      const size = first & 0x7f;
      if (size === 0 || size > 3 || at + size > to) return;
      length = 0;
      for (let i = 0; i < size; i++) length = length * 256 + bytes[at++]!;
    }
    if (at + length > to) return;
    yield { tag, from: at, to: at + length };
    at += length;
  }
}

/** The first value within another one, if it has this tag. */
function within(bytes: Uint8Array, { from, to }: Pick<Value, 'from' | 'to'>, tag: number): Value | null {
  const { value } = values(bytes, from, to).next() as { value?: Value };
  return value?.tag === tag ? value : null;
}

/** The message with a chain of certificates (RFC 5246 section 7.4.2): of each the signature algorithms of its timestamps, as `field`. */
export function certificates(walk: Walk, from: number, end: number, field: FieldId): void {
  let at = from + 3;
  while (at + 3 <= end) {
    const next = at + 3 + walk.u24(at);
    if (next > end) return;
    certificate(walk, { from: at + 3, to: next }, field);
    at = next;
  }
}

function certificate(walk: Walk, whole: Pick<Value, 'from' | 'to'>, field: FieldId): void {
  const { bytes } = walk;
  const outer = within(bytes, whole, SEQUENCE);
  const signed = outer && within(bytes, outer, SEQUENCE);
  if (!signed) return;
  for (const part of values(bytes, signed.from, signed.to)) {
    const list = part.tag === EXTENSIONS ? within(bytes, part, SEQUENCE) : null;
    if (!list) continue;
    for (const { from, to } of values(bytes, list.from, list.to)) {
      const [name, ...rest] = values(bytes, from, to);
      // "Critical" may stand between the two.
      const content = rest.at(-1);
      if (name?.tag !== OBJECT_ID || content?.tag !== OCTETS || hex(bytes, name) !== TIMESTAMPS) continue;
      const octets = within(bytes, content, OCTETS);
      if (octets) timestamps(walk, octets.from, octets.to, field);
    }
  }
}

const hex = (bytes: Uint8Array, { from, to }: Value): string =>
  Array.from(bytes.subarray(from, to), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** A list of signed certificate timestamps (RFC 6962 sections 3.2 and 3.3): their signature algorithms, as `field`. */
export function timestamps(walk: Walk, from: number, end: number, field: FieldId): void {
  let at = from + 2;
  while (at + 2 <= end) {
    const next = at + 2 + walk.u16(at);
    const extensions = at + 2 + BEFORE_EXTENSIONS;
    if (next > end || extensions + 2 > next) return;
    const algorithm = extensions + 2 + walk.u16(extensions);
    if (algorithm + 2 > next) return;
    walk.add16(field, algorithm);
    at = next;
  }
}

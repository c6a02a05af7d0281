import { describe, expect, it } from 'vitest';
import { dissect } from './dissect.ts';
import { Dissection } from './dissection.ts';
import { fieldText } from './values.ts';

type Bytes = readonly number[];

const big = (value: number, size: number): number[] => Array.from({ length: size }, (_, i) => (value >>> (8 * (size - 1 - i))) & 255);
const counted = (size: number, content: Bytes): number[] => [...big(content.length, size), ...content];
const der = (tag: number, ...parts: Bytes[]): number[] => {
  const content = parts.flat();
  return [tag, ...(content.length < 128 ? [content.length] : [0x82, ...big(content.length, 2)]), ...content];
};

const stamp = (algorithm: number, extensions: Bytes = []): number[] =>
  counted(2, [...Array<number>(41).fill(0), ...counted(2, extensions), ...big(algorithm, 2), ...counted(2, [1, 2, 3])]);
const TIMESTAMPS = [0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 2];
const extension = (name: Bytes, content: Bytes, critical = false): number[] =>
  der(0x30, der(6, name), critical ? der(1, [255]) : [], der(4, der(4, content)));
const certificate = (...extensions: Bytes[]): number[] =>
  der(0x30, der(0x30, der(2, [1]), der(0xa3, der(0x30, ...extensions))), der(3, [0]));
const record = (type: number, message: Bytes): number[] => [22, 3, 3, ...counted(2, [type, ...counted(3, message)])];
const chain = (...certificates: Bytes[]): number[] =>
  record(
    11,
    counted(
      3,
      certificates.flatMap((one) => counted(3, one)),
    ),
  );

/** What a segment from port 443 with these bytes shows of a field. */
function shown(payload: Bytes, name = 'tls.handshake.sig_hash_alg'): string[] {
  const frame = Uint8Array.from([
    ...[0x45, 0, ...big(40 + payload.length, 2), 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2],
    ...[1, 187, 192, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 16, 32, 0, 0, 0, 0, 0],
    ...payload,
  ]);
  const out = new Dissection();
  dissect(out, frame, {
    index: 0,
    linkType: 101,
    original: frame.length,
    seconds: 0,
    nanoseconds: 0,
    relativeSeconds: 0,
    relativeNanoseconds: 0,
    deltaSeconds: 0,
    deltaNanoseconds: 0,
    interfaceIndex: 0,
    comments: [],
  });
  return Array.from({ length: out.count }, (_, at) => at)
    .filter((at) => out.nameOf(at) === name)
    .map((at) => fieldText(out, at));
}

describe('signed certificate timestamps', () => {
  const list = counted(2, [...stamp(0x0403), ...stamp(0x0401, [9, 9])]);

  it('are found in every certificate of a chain, critical or not, among other extensions', () => {
    const other = extension([0x55, 0x1d, 14], [1, 2, 3]);
    const certificates = [
      certificate(other, extension(TIMESTAMPS, list)),
      certificate(other),
      certificate(extension(TIMESTAMPS, list, true)),
    ];
    expect(shown(chain(...certificates))).toEqual(['0x0403', '0x0401', '0x0403', '0x0401']);
  });

  it('are not taken from an extension of another name', () => {
    expect(shown(chain(certificate(extension([...TIMESTAMPS.slice(0, -1), 3], list))))).toEqual([]);
  });

  it('are read in the extension of a server hello', () => {
    const hello = [3, 3, ...Array<number>(32).fill(7), 0, 0xc0, 0x2f, 0, ...counted(2, [0, 18, ...counted(2, list)])];
    expect(shown(record(2, hello))).toEqual(['0x0403', '0x0401']);
  });

  it('end where a length is wrong, and leave the message behind as it is', () => {
    const good = certificate(extension(TIMESTAMPS, list));
    for (let at = 0; at < good.length; at++) {
      const wrong = good.with(at, 0xff);
      const both = [...chain(wrong), ...record(14, [])];
      expect(shown(both, 'tls.handshake.type')).toEqual(['11', '14']);
    }
  });
});

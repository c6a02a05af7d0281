import { gzipSync } from 'fflate';
import { type MadePacket, pcapFile, pcapngFile, zstdFile } from '../src/traces/testing/capture-files.ts';

export interface OddCapture {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A pcapng file written block by block, with anything in them. */
class Blocks {
  readonly #parts: Buffer[] = [];
  readonly #little: boolean;

  constructor(little = true) {
    this.#little = little;
  }

  number(bytes: 1 | 2 | 4 | 8, value: number | bigint): Buffer {
    const out = Buffer.alloc(bytes);
    let rest = BigInt.asUintN(64, BigInt(value));
    for (let i = 0; i < bytes; i++) {
      out[this.#little ? i : bytes - 1 - i] = Number(rest & 0xffn);
      rest >>= 8n;
    }
    return out;
  }

  option(code: number, value: Uint8Array | string, length?: number): Buffer {
    const bytes = Buffer.from(value as string);
    return Buffer.concat([this.number(2, code), this.number(2, length ?? bytes.length), padded(bytes)]);
  }

  /** `length` and `trailer` lie where they are given. */
  block(type: number, body: readonly Uint8Array[], { length, trailer }: { length?: number; trailer?: number } = {}): this {
    const bytes = padded(Buffer.concat(body));
    const size = bytes.length + 12;
    this.#parts.push(this.number(4, type), this.number(4, length ?? size), bytes, this.number(4, trailer ?? length ?? size));
    return this;
  }

  section(
    options: readonly Uint8Array[] = [],
    size: number | bigint = 0xffffffffffffffffn,
    version: readonly [number, number] = [1, 0],
  ): this {
    const numbers = [this.number(4, 0x1a2b3c4d), this.number(2, version[0]), this.number(2, version[1]), this.number(8, size)];
    return this.block(0x0a0d0d0a, [...numbers, ...options]);
  }

  iface(linkType = 1, snapLength = 0, options: readonly Uint8Array[] = []): this {
    return this.block(1, [this.number(2, linkType), this.number(2, 0), this.number(4, snapLength), ...options]);
  }

  packet(data: Uint8Array, options: readonly Uint8Array[] = [], index = 0, captured = data.length, original = captured): this {
    const numbers = [index, 0x60000, 0x1234567, captured, original].map((value) => this.number(4, value));
    return this.block(6, [...numbers, padded(Buffer.from(data)), ...options]);
  }

  simple(data: Uint8Array, original = data.length): this {
    return this.block(3, [this.number(4, original), data]);
  }

  done(): Uint8Array {
    return Buffer.concat(this.#parts);
  }
}

const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);

/** Captures as hardly anyone makes them, right and wrong; `made` gives the bytes of one that was made before. */
export function oddCaptures(packets: readonly MadePacket[], made: (name: string) => Uint8Array): OddCapture[] {
  const found: OddCapture[] = [];
  const add = (name: string, bytes: Uint8Array) => found.push({ name, bytes });
  const datas = packets.map(({ data }) => data);
  for (let length = 0; length < 4; length++)
    add(
      `bytes-${length}.pcap`,
      Uint8Array.from({ length }, () => 0xa1),
    );
  headers(packets, add);
  for (const little of [true, false]) blocks(little, datas, (name, bytes) => add(`${little ? 'le' : 'be'}-ng-${name}.pcapng`, bytes));
  add('sections.pcapng', Buffer.concat([made('le-comments.pcapng'), made('be-tsresol-9.pcapng'), made('le-simple.pcapng')]));
  add('sections-then-pcap.pcapng', Buffer.concat([made('le-comments.pcapng'), made('le-a1b2c3d4.pcap')]));
  add('pcap-then-pcap.pcap', Buffer.concat([made('le-a1b2c3d4.pcap'), made('le-a1b2c3d4.pcap')]));
  packed(made('le-a1b2c3d4.pcap'), made('le-comments.pcapng'), add);
  return found;
}

type Add = (name: string, bytes: Uint8Array) => void;

/** File headers and record headers of pcap that say unusual things, and wrong ones. */
function headers(packets: readonly MadePacket[], add: Add): void {
  for (let linkType = 0; linkType <= 300; linkType++) {
    add(`link-${linkType}.pcap`, pcapFile(packets.slice(0, 6), { linkType }));
    if (linkType % 3 === 0) add(`link-${linkType}.pcapng`, pcapngFile(packets.slice(0, 6), { linkType }));
  }
  const changed = (name: string, change: (view: DataView) => void, of = pcapFile(packets)) => {
    const bytes = of.slice();
    change(new DataView(bytes.buffer));
    add(`pcap-${name}.pcap`, bytes);
  };
  for (const [major, minor] of [
    [1, 0],
    [2, 0],
    [2, 1],
    [2, 2],
    [2, 3],
    [2, 5],
    [3, 0],
    [543, 0],
    [0xffff, 0xffff],
  ] as const) {
    changed(`version-${major}.${minor}`, (view) => {
      view.setUint16(4, major, true);
      view.setUint16(6, minor, true);
    });
  }
  for (const magic of [0xa1b2cd34, 0x1c0001ac, 0x1c0001ab, 0xa1e2cb12, 0xa1b2c3d5])
    changed(`magic-${magic.toString(16)}`, (view) => view.setUint32(0, magic, true));
  for (const snap of [0, 1, 20, 40, 65_535, 0xffffffff]) changed(`snap-${snap}`, (view) => view.setUint32(16, snap, true));
  for (const fcs of [0x04000001, 0x14000001, 0x00010001, 0x10000001, 0xf4000001])
    changed(`fcs-${fcs.toString(16)}`, (view) => view.setUint32(20, fcs, true));
  for (const length of [0, 1, 13, 65_536, 262_144, 262_145, 0x7fffffff, 0xffffffff])
    changed(`length-${length}`, (view) => view.setUint32(32, length, true));
  for (const original of [0, 10, 262_145, 0x7fffffff, 0xffffffff])
    changed(`original-${original}`, (view) => view.setUint32(36, original, true));
  for (const fraction of [999_999, 1_000_000, 0xffffffff]) changed(`fraction-${fraction}`, (view) => view.setUint32(28, fraction, true));
  add('pcap-empty.pcap', pcapFile([]));
  add('pcap-no-bytes.pcap', pcapFile([{ data: new Uint8Array(0) }, { data: new Uint8Array(0), original: 100 }]));
  add('pcap-large.pcap', pcapFile([{ data: new Uint8Array(262_144) }, { data: new Uint8Array(100) }]));
}

function blocks(little: boolean, datas: readonly Uint8Array[], add: Add): void {
  const b = () => new Blocks(little).section();
  const n = new Blocks(little);
  const [first, second] = datas as [Uint8Array, Uint8Array];
  const some = (blocks: Blocks): Blocks => datas.slice(0, 5).reduce((to, data) => to.packet(data), blocks);
  const whole = (name: string, blocks: Blocks) => add(name, blocks.done());
  whole('nothing', b());
  whole('no-interface', b().packet(first));
  whole('no-interface-simple', b().simple(first));
  whole('interfaces', some(b().iface().iface(101).iface(113)).packet(second, [], 1).packet(second, [], 2).packet(second, [], 3));
  whole('unknown-blocks', some(some(b().block(0x7777, [first]).iface().block(0x80000001, [])).block(0x0bad0bad, [Buffer.alloc(40)])));
  whole(
    'statistics',
    some(
      some(b().iface()).block(5, [
        n.number(4, 0),
        n.number(8, 77n),
        n.option(4, n.number(8, 100n)),
        n.option(5, n.number(8, 3n)),
        n.option(0, ''),
      ]),
    ),
  );
  whole(
    'statistics-of-none',
    some(
      b()
        .iface()
        .block(5, [n.number(4, 9), n.number(8, 77n)]),
    ),
  );
  whole(
    'statistics-short',
    some(
      b()
        .iface()
        .block(5, [n.number(4, 0)]),
    ),
  );
  whole(
    'names',
    some(
      b()
        .block(4, [
          n.option(1, Buffer.from('\x0a\0\0\x01one\0two\0', 'latin1')),
          n.option(2, Buffer.concat([Buffer.alloc(16, 1), Buffer.from('six\0')])),
          n.option(0, ''),
        ])
        .iface(),
    ),
  );
  whole(
    'names-without-end',
    some(
      b()
        .block(4, [n.option(1, Buffer.from('\x0a\0\0\x01one', 'latin1'))])
        .iface(),
    ),
  );
  whole(
    'names-short',
    some(
      b()
        .iface()
        .block(4, [n.option(1, Buffer.from('\x0a\0', 'latin1'))]),
    ),
  );
  whole(
    'names-unknown',
    some(
      b()
        .iface()
        .block(4, [n.option(9, 'abc'), n.option(0, ''), n.option(2, 'server'), n.option(0, '')]),
    ),
  );
  whole('names-empty', some(b().iface().block(4, [])));
  for (const type of [0x544c534b, 0x57474b4c, 0x12345678])
    whole(
      `secrets-${type.toString(16)}`,
      some(
        b()
          .block(10, [n.number(4, type), n.number(4, 20), Buffer.alloc(20, 65)])
          .iface(),
      ),
    );
  whole(
    'secrets-long',
    some(
      b()
        .iface()
        .block(10, [n.number(4, 0x544c534b), n.number(4, 2000), Buffer.alloc(20, 65)]),
    ),
  );
  whole(
    'journal',
    some(
      b()
        .iface()
        .block(9, [Buffer.from('__REALTIME_TIMESTAMP=1700000000000000\nMESSAGE=hello\nPRIORITY=6\n')]),
    ),
  );
  whole('journal-alone', b().block(9, [Buffer.from('__REALTIME_TIMESTAMP=1700000000000000\nMESSAGE=hello\n')]));
  whole(
    'journal-short',
    some(
      b()
        .iface()
        .block(9, [Buffer.from('MESSAGE=x')]),
    ),
  );
  whole(
    'journal-without-time',
    some(
      b()
        .iface()
        .block(9, [Buffer.from('MESSAGE=there is no time stamp in here\n')]),
    ),
  );
  for (const type of [0x0bad, 0x40000bad])
    whole(
      `custom-${type.toString(16)}`,
      some(
        b()
          .iface()
          .block(type, [n.number(4, 32473), Buffer.from('anything at all')]),
      ),
    );
  whole('custom-short', some(b().iface().block(0x0bad, [])));
  for (const type of [0x204, 0x208, 0x216, 0x221])
    whole(
      `sysdig-${type.toString(16)}`,
      some(
        b()
          .iface()
          .block(type, [
            n.number(2, 1),
            n.number(8, 1n),
            n.number(8, 2n),
            n.number(4, 30),
            n.number(2, 5),
            n.number(4, 0),
            Buffer.alloc(12),
          ]),
      ),
    );
  for (const type of [0x201, 0x202, 0x203, 0x205, 0x210, 0x217, 0x220, 7, 8])
    whole(
      `kind-${type}`,
      some(
        b()
          .iface()
          .block(type, [Buffer.alloc(64)]),
      ),
    );
  whole(
    'old-packets',
    datas
      .slice(0, 4)
      .reduce(
        (to, data) =>
          to.block(2, [
            n.number(2, 0),
            n.number(2, 0xffff),
            n.number(4, 1),
            n.number(4, 2),
            n.number(4, data.length),
            n.number(4, data.length),
            data,
          ]),
        b().iface(),
      ),
  );
  whole(
    'simple-snap',
    datas.slice(0, 4).reduce((to, data) => to.simple(data.subarray(0, Math.min(data.length, 30)), data.length), b().iface(1, 30)),
  );
  whole(
    'simple-too-long',
    b()
      .iface()
      .simple(first)
      .block(3, [n.number(4, 5000), first])
      .simple(second),
  );
  whole('simple-zero', b().iface().simple(new Uint8Array(0)).simple(second));
  whole('packet-empty', b().iface().packet(new Uint8Array(0)).packet(second));
  whole('packet-beyond-snap', b().iface(1, 20).packet(first).packet(second));
  whole('packet-beyond-block', b().iface().packet(first, [], 0, 4000).packet(second));
  whole(
    'packet-padding',
    b()
      .iface()
      .packet(first.subarray(0, 61))
      .packet(first.subarray(0, 62), [n.option(1, 'c'), n.option(0, '')])
      .packet(first.subarray(0, 63)),
  );
  whole('packet-original-less', b().iface().packet(first, [], 0, first.length, 4).packet(second));
  whole(
    'packet-more-behind',
    b()
      .iface()
      .packet(first, [Buffer.alloc(4)])
      .packet(second, [Buffer.alloc(64, 0)]),
  );
  const lengths: [number, number][] = [
    [2, 4],
    [2, 3],
    [3, 5],
    [4, 8],
    [4, 4],
    [5, 8],
    [5, 0],
    [6, 4],
    [6, 8],
    [7, 0],
    [7, 1],
    [7, 9],
    [7, 4],
    [8, 4],
    [9, 20],
    [100, 3],
    [2988, 2],
    [2988, 10],
    [19372, 8],
    [0x8001, 6],
    [1, 0],
    [1, 300],
  ];
  for (const [code, length] of lengths) {
    for (const fill of [0, 1, 65])
      whole(
        `option-${code}-${length}-${fill}`,
        b()
          .iface()
          .packet(first, [n.option(code, Buffer.alloc(length, fill)), n.option(0, '')])
          .packet(second),
      );
  }
  whole(
    'option-beyond',
    b()
      .iface()
      .packet(first, [n.option(1, 'abc', 4000)])
      .packet(second),
  );
  whole(
    'option-cut',
    b()
      .iface()
      .packet(first, [n.option(1, 'abcd'), n.number(2, 1)])
      .packet(second),
  );
  whole(
    'option-without-end',
    b()
      .iface()
      .packet(first, [n.option(1, 'abcd')])
      .packet(second),
  );
  whole(
    'option-behind-end',
    b()
      .iface()
      .packet(first, [n.option(0, ''), n.option(1, 'abcd', 999)])
      .packet(second),
  );
  whole(
    'option-end-long',
    b()
      .iface()
      .packet(first, [n.option(0, 'abcd'), n.option(1, 'abcd')])
      .packet(second),
  );
  const ofInterface: [number, number][] = [
    [2, 5],
    [4, 8],
    [4, 3],
    [5, 17],
    [6, 6],
    [7, 8],
    [8, 8],
    [8, 4],
    [9, 1],
    [9, 0],
    [9, 2],
    [10, 4],
    [11, 0],
    [11, 1],
    [11, 9],
    [11, 5],
    [12, 4],
    [13, 1],
    [14, 8],
    [14, 4],
    [15, 3],
    [16, 8],
    [17, 8],
    [1000, 4],
  ];
  for (const [code, length] of ofInterface) {
    for (const fill of [0, 1, 0x86])
      whole(
        `interface-option-${code}-${length}-${fill}`,
        some(b().iface(1, 0, [n.option(code, Buffer.alloc(length, fill)), n.option(0, '')])),
      );
  }
  for (const resolution of [0, 1, 9, 18, 19, 20, 21, 63, 127, 128, 129, 138, 159, 191, 192, 255])
    whole(`tsresol-${resolution}`, some(b().iface(1, 0, [n.option(9, Uint8Array.of(resolution)), n.option(0, '')])));
  for (const [code, length] of [
    [1, 4],
    [2, 0],
    [3, 7],
    [4, 200],
    [5, 3],
    [2989, 4],
    [2989, 1],
  ] as const)
    whole(
      `section-option-${code}-${length}`,
      some(new Blocks(little).section([n.option(code, Buffer.alloc(length, 66)), n.option(0, '')]).iface()),
    );
  for (const version of [
    [1, 0],
    [1, 1],
    [1, 2],
    [1, 3],
    [0, 0],
    [2, 0],
  ] as const)
    whole(`version-${version.join('.')}`, some(new Blocks(little).section([], -1, version).iface()));
  whole('section-known-length', some(new Blocks(little).section([], 500).iface()));
  whole('section-zero-length', some(new Blocks(little).section([], 0).iface()));
  const good = some(b().iface());
  for (const length of [0, 4, 8, 11, 12, 13, 20, 28, 31, 0x7fffffff, 0xffffffff, 16 << 20])
    whole(
      `block-length-${length}`,
      some(b().iface())
        .block(6, [Buffer.alloc(64)], { length })
        .packet(second),
    );
  for (const trailer of [0, 12, 0xffffffff])
    whole(
      `block-trailer-${trailer}`,
      some(b().iface())
        .block(0x999, [Buffer.alloc(64)], { trailer })
        .packet(second),
    );
  whole(
    'block-odd-length',
    some(b().iface())
      .block(0x999, [Buffer.alloc(8)], { length: 18 })
      .packet(second),
  );
  add('other-order', Buffer.concat([good.done(), some(new Blocks(!little).section().iface()).done(), good.done()]));
  add('section-alone-behind', Buffer.concat([good.done(), new Blocks(!little).section().done()]));
  add('packet-of-old-section', Buffer.concat([good.done(), new Blocks(little).section().packet(first).done()]));
  add('zeros-behind', Buffer.concat([good.done(), Buffer.alloc(64)]));
  add('text-behind', Buffer.concat([good.done(), Buffer.from('this is no block at all')]));
  add('three-bytes-behind', Buffer.concat([good.done(), Buffer.alloc(3)]));
  add('section-magic-wrong', Buffer.concat([good.done().subarray(0, 8), Buffer.from([1, 2, 3, 4]), good.done().subarray(12)]));
}

/** gzip and Zstandard in all their parts. */
function packed(pcap: Uint8Array, ng: Uint8Array, add: Add): void {
  const half = pcap.length >> 1;
  const [a, b] = [pcap.subarray(0, half), pcap.subarray(half)];
  const member = (bytes: Uint8Array, flags: number, extra: Uint8Array): Uint8Array => {
    const plain = gzipSync(bytes, { mtime: 0 });
    plain[3] = flags;
    return Buffer.concat([plain.subarray(0, 10), extra, plain.subarray(10)]);
  };
  add('gzip-members.pcap.gz', Buffer.concat([gzipSync(a), gzipSync(b)]));
  add(
    'gzip-many-members.pcap.gz',
    Buffer.concat(
      Array.from({ length: 40 }, (_, i) =>
        gzipSync(pcap.subarray(Math.floor((i * pcap.length) / 40), Math.floor(((i + 1) * pcap.length) / 40))),
      ),
    ),
  );
  add('gzip-empty-members.pcap.gz', Buffer.concat([gzipSync(new Uint8Array(0)), gzipSync(pcap), gzipSync(new Uint8Array(0))]));
  add('gzip-empty.pcap.gz', gzipSync(new Uint8Array(0)));
  add('gzip-named.pcap.gz', gzipSync(pcap, { filename: 'capture.pcap', mtime: 1 }));
  add('gzip-comment.pcap.gz', member(pcap, 16, Buffer.from('a comment\0')));
  add('gzip-extra.pcap.gz', member(pcap, 4, Buffer.from([5, 0, 1, 2, 3, 4, 5])));
  add('gzip-all-flags.pcap.gz', member(pcap, 4 | 8 | 16, Buffer.from([2, 0, 9, 9, 0x6e, 0, 0x63, 0])));
  add('gzip-header-crc.pcap.gz', member(pcap, 2, Buffer.from([0, 0])));
  add('gzip-reserved-flags.pcap.gz', member(pcap, 0x80, new Uint8Array(0)));
  add('gzip-stored.pcap.gz', gzipSync(pcap, { level: 0 }));
  add('gzip-stored.pcapng.gz', gzipSync(ng, { level: 0 }));
  add('gzip-fast.pcapng.gz', gzipSync(ng, { level: 1 }));
  add('gzip-zeros-behind.pcap.gz', Buffer.concat([gzipSync(pcap), Buffer.alloc(512)]));
  add('gzip-text-behind.pcap.gz', Buffer.concat([gzipSync(pcap), Buffer.from('and some text')]));
  add('gzip-byte-behind.pcap.gz', Buffer.concat([gzipSync(pcap), Buffer.from([0x1f])]));
  add('gzip-plain-behind.pcap.gz', Buffer.concat([gzipSync(a), b]));
  add('gzip-header-behind.pcap.gz', Buffer.concat([gzipSync(pcap), gzipSync(pcap).subarray(0, 12)]));
  add('gzip-wrong-crc.pcap.gz', Buffer.concat([gzipSync(pcap).subarray(0, -8), Buffer.alloc(8, 3)]));
  add('gzip-wrong-length.pcap.gz', Buffer.concat([gzipSync(pcap).subarray(0, -4), Buffer.alloc(4, 3)]));
  add('gzip-wrong-crc-then-member.pcap.gz', Buffer.concat([gzipSync(a).subarray(0, -8), Buffer.alloc(8, 3), gzipSync(b)]));
  add('gzip-without-trailer.pcap.gz', gzipSync(pcap).subarray(0, -8));
  add('gzip-half-trailer.pcap.gz', gzipSync(pcap).subarray(0, -3));
  add('gzip-in-gzip.pcap.gz', gzipSync(gzipSync(pcap)));
  add('gzip-of-text.gz', gzipSync(Buffer.from('no capture is in here, only words')));
  add('zstd-frames.pcap.zst', Buffer.concat([zstdFile(a), zstdFile(b)]));
  const skippable = (nibble: number, size: number) =>
    Buffer.concat([Buffer.from([0x50 | nibble, 0x2a, 0x4d, 0x18, size & 255, size >> 8, 0, 0]), Buffer.alloc(size, 7)]);
  add('zstd-skippable-between.pcap.zst', Buffer.concat([zstdFile(a), skippable(3, 40), zstdFile(b)]));
  add('zstd-skippable-behind.pcap.zst', Buffer.concat([zstdFile(pcap), skippable(15, 0)]));
  add('zstd-skippable-first.pcap.zst', Buffer.concat([skippable(0, 5), zstdFile(pcap)]));
  add('zstd-text-behind.pcap.zst', Buffer.concat([zstdFile(pcap), Buffer.from('and some text')]));
  add('zstd-zeros-behind.pcap.zst', Buffer.concat([zstdFile(pcap), Buffer.alloc(32)]));
  add('zstd-wrong-checksum.pcap.zst', zstdFile(pcap, 0x12345678));
  add('zstd-wrong-checksum-then-frame.pcap.zst', Buffer.concat([zstdFile(a, 0x12345678), zstdFile(b)]));
  add('zstd-empty.pcap.zst', zstdFile(new Uint8Array(0)));
  add('zstd-empty-frames.pcap.zst', Buffer.concat([zstdFile(new Uint8Array(0)), zstdFile(pcap), zstdFile(new Uint8Array(0))]));
  add('zstd-gzip.pcap.zst', zstdFile(gzipSync(pcap)));
  add('zstd-reserved-block.pcap.zst', Buffer.concat([zstdFile(a).subarray(0, 6), Buffer.from([7, 0, 0]), a]));
}

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { strToU8, zipSync, zlibSync } from 'fflate';
import { assemble } from '../../src/bpf/asm.ts';
import { OP_LDDW } from '../../src/bpf/insn.ts';
import { pack } from '../../src/companion/envelope.ts';
import { writeCommandTrace } from '../../src/hooks/accelerator/command-trace.ts';
import { writeObject } from '../../src/object/writer.ts';
import type { NpyArray } from '../../src/traces/npy.ts';
import type { MadePacket } from '../../src/traces/testing/capture-files.ts';
import { verify } from '../../src/verifier/verify.ts';
import { EMPTY_PROJECT } from '../../src/workbench/document.ts';
import { encodeLink } from '../../src/workbench/projects/link.ts';
import { sha256Digest } from '../../src/workbench/projects/sha256.ts';
import { joinedBytes, put } from './bytes.ts';

// Whole files of every kind, small: what is changed in them lies close to what is read first.

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
export const sample = (name: string): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(at(`public/samples/${name}`)));
const sampleText = (name: string): string => readFileSync(at(`public/samples/${name}`), 'utf8');

/** The first packets of a sample's capture. */
export function captureHead(name: string, packets: number): Uint8Array {
  const bytes = sample(name);
  const view = new DataView(bytes.buffer);
  let end = 24;
  for (let i = 0; i < packets; i++) end += 16 + view.getUint32(end + 8, true);
  return bytes.slice(0, end);
}

const hexBytes = (hex: string): Uint8Array =>
  Uint8Array.from(hex.replace(/\s/g, '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

/** Ethernet with IPv4 in it, its lengths right, its checksums 0. */
function ipv4(protocol: number, segment: Uint8Array): Uint8Array {
  const header = hexBytes('0200000000010200000000020800 45000000 00010000 40000000 0a000001 0a000002');
  put(header, 16, 2, 20 + segment.length, false);
  header[23] = protocol;
  return joinedBytes(header, segment);
}

function udp(from: number, to: number, data: Uint8Array): Uint8Array {
  const header = new Uint8Array(8);
  for (const [offset, value] of [from, to, 8 + data.length].entries()) put(header, offset * 2, 2, value, false);
  return ipv4(17, joinedBytes(header, data));
}

function tcp(from: number, to: number, seq: number, flags: number, data: Uint8Array): Uint8Array {
  const header = new Uint8Array(20);
  put(header, 0, 2, from, false);
  put(header, 2, 2, to, false);
  put(header, 4, 4, seq, false);
  put(header, 12, 2, 0x5000 | flags, false);
  put(header, 14, 2, 1024, false);
  return ipv4(6, joinedBytes(header, data));
}

const DNS =
  '1234 8180 0001 0002 0000 0000 03777777076578616d706c6503636f6d00 0001 0001 c00c 0005 0001 0000003c 0005 026e73c010 c00c 0001 0001 0000003c 0004 5db8d822';
const TLS_HELLO =
  '16 0301 003f 01 00003b 0303 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f 00 0002 1301 01 00 0010 0000 000c 000a 00 0007 6578616d706c65';

/** One packet of each protocol that is dissected, and some whose parts lie in several. */
export function packets(): MadePacket[] {
  const request = strToU8('GET /index.html?x=1 HTTP/1.1\r\nHost: example.com\r\nContent-Length: 5\r\n\r\nhello');
  const answer = strToU8('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n');
  const datas = [
    tcp(1234, 80, 1, 2, new Uint8Array(0)),
    tcp(1234, 80, 2, 0x18, request.subarray(0, 30)),
    tcp(1234, 80, 32, 0x18, request.subarray(30)),
    tcp(80, 1234, 1, 0x18, answer),
    udp(1000, 53, hexBytes(DNS)),
    tcp(1235, 443, 1, 0x18, hexBytes(TLS_HELLO)),
    ipv4(1, hexBytes('0800 0000 0001 0001 6162636465666768')),
    hexBytes('ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002'),
    hexBytes(
      '020000000001020000000002 8100 0064 86dd 60000000 0018 00 40 20010db8000000000000000000000001 20010db8000000000000000000000002 3a 00 0000 0000 0000 8000 0000 0001 0001 6162636465666768',
    ),
    udp(4000, 4789, joinedBytes(hexBytes('08000000 00000100'), tcp(1, 2, 3, 2, new Uint8Array(0)))),
    // Two fragments of one datagram.
    hexBytes('0200000000010200000000020800 45000020 00072000 40110000 0a000001 0a000002 0bb80bb9 00100000 01020304'),
    hexBytes('0200000000010200000000020800 4500001c 00070001 40110000 0a000001 0a000002 05060708 090a0b0c'),
  ];
  return datas.map((data, i) => ({
    data,
    seconds: 1_700_000_000 + i,
    fraction: i * 1000,
    ...(i % 3 === 0 ? { comment: `packet ${i}` } : {}),
  }));
}

const SOURCE = `.section xdp
.license GPL
.map hits percpu_array 4 8 64
.map .data.weights array 4 16 1 0x400 section=.data.weights
  .data 00112233445566778899aabbccddeeff
.map table hash 8 16 32 lock=8
.map outer array_of_maps 4 4 4
.inner inside array 4 8 2
.func main global (ctx) -> scalar
  r6 = r1
  r2 = *(u32 *)(r1 +4)
  r1 = *(u32 *)(r1 +0)
  r3 = r1
  r3 += 14
  if r3 > r2 goto out
  r4 = *(u16 *)(r1 +12)
  r4 = be16 r4
  if r4 == 0x800 goto out
  *(u32 *)(r10 -4) = 0
  r1 = map[hits]
  r2 = r10
  r2 += -4
  call bpf_map_lookup_elem
  if r0 == 0 goto out
  lock *(u64 *)(r0 +0) += r6
  r1 = map_value[.data.weights]+8
  r1 = *(u8 *)(r1 +1) ; weights[1] @ filter.c:12
  w1 s>>= 3
  call helper
out:
  r0 = 2
  exit
.func helper static
  r0 = 0x123456789 ll
  r0 &= 7
  if w0 s< 3 goto +1
  r0 = 1
  exit
`;

export const assembly = (): string[] => [
  SOURCE,
  sampleText('rejected/unchecked.s'),
  '.section socket\n.license GPL\n0: (b7) r0 = 0\n1: (61) r1 = *(u32 *)(r1 +0)\n2: (05) goto pc+1\n3: (b7) r0 = 1\n4: (95) exit\n',
];

/** The sample filter, and one of everything small: macros, a map, a loop, a structure, a helper. */
export const cSources = (): string[] => [
  sampleText('c/classifier.c'),
  '#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n#define LEAST(a, b) ((a) < (b) ? (a) : (b))\nstruct { __uint(type, BPF_MAP_TYPE_ARRAY); __type(key, __u32); __type(value, __u64); __uint(max_entries, 4); } seen SEC(".maps");\nstatic __always_inline int sum(const unsigned char *at, int n) {\n  int all = 0;\n  for (int i = 0; i < n; i++) all += LEAST(at[i], 9);\n  return all;\n}\nSEC("xdp") int filter(struct xdp_md *ctx) {\n  unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;\n  if (data + 8 > end) return XDP_PASS;\n  __u32 key = data[0] & 3;\n  __u64 *value = bpf_map_lookup_elem(&seen, &key);\n  if (value) __sync_fetch_and_add(value, 1);\n  return sum(data, 8) > 20 ? XDP_DROP : XDP_PASS;\n}\nchar license[] SEC("license") = "GPL";\n',
];

/** Objects as we write them ourselves: with maps, types, line information and what a compiled model carries. */
export function ownObjects(): Uint8Array[] {
  const { program } = assemble(
    SOURCE.replace('.map outer array_of_maps 4 4 4\n.inner inside array 4 8 2\n', '').replace('  lock *(u64 *)(r0 +0) += r6\n', ''),
  );
  if (!program) throw new Error('the seed does not assemble');
  return [writeObject(program), writeObject(program, { meta: { format: 1, inputs: [], outputs: [] } })];
}

export function arrays(): Map<string, NpyArray> {
  return new Map<string, NpyArray>([
    ['x', { dtype: 'f4', shape: [2, 3], data: Float32Array.from([1, 2, 3, 4, 5, 6]) }],
    ['y', { dtype: 'i8', shape: [4], data: BigInt64Array.from([1n, 2n, 3n, 4n]) }],
    ['z', { dtype: 'u1', shape: [], data: Uint8Array.of(7) }],
  ]);
}

export const tensors = (): Map<string, { shape: number[]; data: Float32Array }> =>
  new Map([
    ['x', { shape: [2, 3], data: new Float32Array(6) }],
    ['layer.weight', { shape: [4], data: new Float32Array(4) }],
  ]);

/** PNG files of several kinds of pixels. */
export function pictures(crc: (bytes: Uint8Array) => number): Uint8Array[] {
  const chunk = (name: string, data: Uint8Array): Uint8Array => {
    const body = joinedBytes(strToU8(name), data);
    const out = new Uint8Array(body.length + 8);
    put(out, 0, 4, data.length, false);
    out.set(body, 4);
    put(out, body.length + 4, 4, crc(body), false);
    return out;
  };
  return (
    [
      [0, 8, 1],
      [2, 8, 3],
      [3, 8, 1],
      [4, 8, 2],
      [6, 8, 4],
      [0, 1, 1],
      [0, 16, 2],
    ] as const
  ).map(([colour, depth, channels]) => {
    const head = new Uint8Array(13);
    put(head, 0, 4, 5, false);
    put(head, 4, 4, 4, false);
    head[8] = depth;
    head[9] = colour;
    const row = 1 + Math.ceil((5 * channels * Math.min(depth, 8)) / 8);
    const pixels = Uint8Array.from({ length: row * 4 }, (_, i) =>
      i % row === 0 ? Math.floor(i / row) : colour === 3 ? i % 4 : (i * 37) & 255,
    );
    const palette =
      colour === 3
        ? [
            chunk(
              'PLTE',
              Uint8Array.from({ length: 768 }, (_, i) => i),
            ),
          ]
        : [];
    return joinedBytes(
      hexBytes('89504e470d0a1a0a'),
      chunk('IHDR', head),
      ...palette,
      chunk('tEXt', strToU8('Comment\0made')),
      chunk('IDAT', zlibSync(pixels)),
      chunk('IEND', new Uint8Array(0)),
    );
  });
}

export const TABLES = ['a,b,c\n1,2,3\n4,5,6\n', 'x\ty\n1.5\t-2e3\n"3"\t4\n', '1;2;3\n4;5;6\n', '"a ""quoted"" name",b\r\n1,2\r\n'];
export const STRACES = [
  sampleText('syscalls/heldout.strace').slice(0, 4000),
  '[pid  12] 1.5 read(3,  <unfinished ...>\n[pid 13] 1.6 write(1, "x\\n", 2) = 2\n[pid 12] 1.7 <... read resumed>"a", 1) = 1\n--- SIGCHLD {si_signo=SIGCHLD} ---\n+++ exited with 0 +++\n',
];
export const PERF = [
  '   my app 30859 [001] 50437.420256: raw_syscalls:sys_enter: NR 12 (0, 7f)\n a 5/6 [0] 1.5: syscalls:sys_enter_openat: dfd: 1\n',
  '     0.010 ( 0.003 ms): cat/41 read(fd: 3, buf: 0x7f, count: 832) = 832\n     0.020 (         ): cat/41 openat(dfd: CWD) ...\n',
];
export const CALLS: readonly unknown[] = [
  [
    { pid: 1, nr: 0, time: 1.5 },
    { pid: 1, name: 'openat', tid: 2 },
  ],
  { pid: 7, name: 'read' },
];

/** Logs of our own verifier at both levels, and one of a kernel with all that surrounds it. */
export function logs(): string[] {
  const { program } = assemble(sampleText('rejected/unchecked.s'));
  const own = [1, 2].map((logLevel) => verify(program!, { kernel: '6.18', privilege: 'root', logLevel }).log);
  const kernel = sampleText('rejected/count-flows.log');
  const wrapped = `libbpf: prog 'main': BPF program load failed: Permission denied\nlibbpf: prog 'main': -- BEGIN PROG LOAD LOG --\n${own[0]}-- END PROG LOAD LOG --\n`;
  const records = own[0]!
    .split('\n')
    .map((line) => JSON.stringify({ log: `${line}\n`, stream: 'stderr' }))
    .join('\n');
  const stamped = own[0]!
    .split('\n')
    .map((line, i) => `[  12.00${i}] host kernel: ${line}`)
    .join('\n');
  return [own[0]!, own[1]!.slice(0, 2000), kernel.slice(-1500), wrapped, records, stamped];
}

export const BINDINGS: readonly unknown[] = [
  JSON.parse(sampleText('payload/binding.json')),
  JSON.parse(sampleText('flows/binding.json')),
  JSON.parse(sampleText('syscalls/binding.json')),
  { hook: 'xdp', input: { kind: 'tensor' }, output: { kind: 'tensor' } },
];

export const tokenizer = (): unknown => {
  const { merges, ...rest } = JSON.parse(sampleText('stories/tokenizer.json')) as { merges: unknown[] };
  return { ...rest, merges: merges.slice(0, 40) };
};

export const lessons = (): string[] => {
  const folder = at('src/lessons/course/');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.md'))
    .slice(0, 4)
    .map((name) => {
      const text = readFileSync(`${folder}${name}`, 'utf8');
      // A lesson of a few steps: changes spread over a long one would touch little each.
      return text.slice(0, text.indexOf('\n## ', 1200));
    });
};

const DOC = { ...EMPTY_PROJECT, name: 'one' };
const ref = (name: string, bytes: Uint8Array): { hash: string; name: string; size: number } => ({
  hash: Buffer.from(sha256Digest(bytes)).toString('hex'),
  name,
  size: bytes.length,
});

export const links = (): string[] => [
  encodeLink({ v: 1, base: { kind: 'text', text: { kind: 'assembly', name: 'a.s', text: 'r0 = 0\nexit\n' } }, set: {} }),
  encodeLink({
    v: 1,
    base: { kind: 'sample', sample: { id: 'payload-ids', hash: '0'.repeat(64) } },
    set: { edits: [{ packet: 1, byteOff: 54, value: 7 }], name: 'changed' } as never,
    select: { kind: 'insn', id: 12 },
    desk: 'debug',
    line: 4,
  }),
  encodeLink({ v: 2, base: { kind: 'files', doc: { ...DOC, source: { kind: 'log', blob: ref('x.log', strToU8('0: exit')) } } }, set: {} }),
];

export function projects(): Uint8Array[] {
  const source = strToU8('.section xdp\nr0 = 2\nexit\n');
  const blob = ref('a.s', source);
  const doc = { ...DOC, source: { kind: 'assembly', blob }, edits: [{ packet: 0, byteOff: 3, value: 9 }] };
  const project = (value: object): Uint8Array =>
    strToU8(JSON.stringify({ format: 'bpformer-project', version: 1, sample: null, doc: value }));
  return [
    zipSync({ 'project.json': project(DOC) }),
    zipSync({ 'project.json': project(doc), [`blobs/${blob.hash}`]: source }),
    zipSync({ 'project.json': [project(doc), { level: 0 }], [`blobs/${blob.hash}`]: [source, { level: 0 }] }),
  ];
}

export function commandTrace(): Uint8Array {
  const command = {
    seq: 0,
    request: 1,
    tenant: 2,
    token: 0,
    layer: 3,
    op: 'matmul',
    nodes: [1, 2],
    label: 'MatMul_0',
    flops: 128,
    bytes: 64,
    deadlineNs: 0,
    priority: 1,
    key: 0,
    enteredNs: 1,
    startedNs: 2,
    endedNs: 30,
    status: 0,
    verdicts: [{ hook: 'dispatch', program: 'p', value: 1, insns: 12, timeNs: 1, durationNs: 2 }],
    tensors: [
      {
        name: 'x',
        dims: [2, 4],
        strides: [16, 4],
        dtype: 1,
        addr: 4096,
        bytes: 32,
        role: 'activation',
        digest: new Uint8Array(32),
        sealed: false,
        signed: true,
        data: new Uint8Array(32),
      },
    ],
  };
  return writeCommandTrace([command, { ...command, seq: 1, width: 9 }] as never);
}

export const FILTERS = [
  'tcp.port == 80 && ip.src == 10.0.0.1/8',
  'http.host contains "example" or dns.qry.name matches "^www[.].*com$"',
  'not (udp || icmp) and frame.len >= 0x40',
  'eth.addr[0:3] == 02:00:00 && tcp.flags.syn == 1',
  'ip.addr in {10.0.0.1, 10.0.0.2 .. 10.0.0.9}',
  'any tcp.port != 80 and ipv6.src == 2001:db8::1',
];

export function messages(): Uint8Array[] {
  const { program } = assemble('.section xdp\n.license GPL\nr0 = 2\nexit\n');
  const code = hexBytes('b7000000020000009500000000000000');
  const lookUp = joinedBytes(Uint8Array.of(OP_LDDW, 0x11, 0, 0, 0, 0, 0, 0), new Uint8Array(8), code);
  const described = {
    name: 'main',
    progType: program!.progType,
    expectedAttachType: 0,
    loadFlags: 0,
    sleepable: false,
    license: 'GPL',
    code: 0,
    kfuncs: [],
    maps: [],
  };
  const map = { name: 'm', type: 2, keySize: 4, valueSize: 16, maxEntries: 1, flags: 0, frozen: false, data: 1 };
  const lease = 'a'.repeat(43);
  return [
    pack({ lease, program: described, logLevel: 1, keep: false }, [code]),
    pack({ lease, program: { ...described, maps: [map], btf: { types: 2, funcInfo: 3, lineInfo: 4 } }, logLevel: 2, keep: true }, [
      lookUp,
      new Uint8Array(16),
      new Uint8Array(24),
      new Uint8Array(8),
      new Uint8Array(16),
    ]),
    pack({ lease, handle: 1, repeat: 1, count: 1, input: { kind: 'packet', bytes: 0, lengths: 1 }, set: [], read: ['m'], wantData: true }, [
      new Uint8Array(64),
      new Uint8Array(4),
    ]),
    pack({ lease, handle: 1, map: 'm', key: 0, value: 1 }, [new Uint8Array(4), new Uint8Array(16)]),
    pack({}),
  ];
}

import { ALLOWED, PROTO_ROWS, PROTO_VARIANTS, type ProtoRow } from './protos-data.ts';

export interface ArgProto {
  readonly kind: string;
  readonly mayBeNull: boolean;
  /** Memory that the helper fills: it need not be initialised. */
  readonly uninit: boolean;
  readonly written: boolean;
  readonly readOnly: boolean;
  readonly aligned: boolean;
  readonly released: boolean;
  /** `fixed:N`. */
  readonly size: number;
  /** `btf:TYPE`. */
  readonly btfType: string;
}

export interface HelperProto {
  readonly id: number;
  /** Kind of the result without its mark. */
  readonly result: string;
  readonly resultMayBeNull: boolean;
  readonly args: readonly ArgProto[];
  readonly gplOnly: boolean;
  readonly acceptsPacket: boolean;
  readonly mightSleep: boolean;
  /** Inlined by the verifier on x86-64: registers that it does not use survive. */
  readonly fastcall: boolean;
}

export const MAX_HELPER = 211;

export const FUNC = {
  mapLookup: 1,
  mapUpdate: 2,
  mapDelete: 3,
  smpProcessorId: 8,
  tailCall: 12,
  perfEventRead: 22,
  perfEventOutput: 25,
  getStackid: 27,
  skbUnderCgroup: 33,
  currentTaskUnderCgroup: 37,
  probeReadStr: 45,
  redirectMap: 51,
  skRedirectMap: 52,
  sockMapUpdate: 53,
  perfEventReadValue: 55,
  msgRedirectMap: 60,
  getStack: 67,
  sockHashUpdate: 70,
  msgRedirectHash: 71,
  skRedirectHash: 72,
  getLocalStorage: 81,
  skSelectReuseport: 82,
  skLookupTcp: 84,
  skLookupUdp: 85,
  skRelease: 86,
  mapPush: 87,
  mapPop: 88,
  mapPeek: 89,
  spinLock: 93,
  spinUnlock: 94,
  skFullsock: 95,
  tcpSock: 96,
  skcLookupTcp: 99,
  skStorageGet: 107,
  skStorageDelete: 108,
  skbOutput: 111,
  probeReadUserStr: 114,
  probeReadKernelStr: 115,
  xdpOutput: 121,
  ringbufOutput: 130,
  ringbufReserve: 131,
  ringbufQuery: 134,
  getTaskStack: 141,
  inodeStorageGet: 145,
  inodeStorageDelete: 146,
  taskStorageGet: 156,
  taskStorageDelete: 157,
  forEachMapElem: 164,
  snprintf: 165,
  timerSetCallback: 170,
  findVma: 180,
  loop: 181,
  kptrXchg: 194,
  mapLookupPercpu: 195,
  dynptrFromMem: 197,
  ringbufReserveDynptr: 198,
  ringbufSubmitDynptr: 199,
  ringbufDiscardDynptr: 200,
  dynptrWrite: 202,
  dynptrData: 203,
  userRingbufDrain: 209,
  cgrpStorageGet: 210,
  cgrpStorageDelete: 211,
} as const;

function parseArg(text: string): ArgProto {
  const [head, detail = ''] = text.split(':') as [string, string?];
  const kind = /^[a-z_]+0?/.exec(head)![0];
  // The marks `w`, `r`, `a` follow a punctuation mark or a kind that ends before them; kinds are listed in the data file.
  const known = KINDS.filter((k) => head.startsWith(k)).sort((a, b) => b.length - a.length)[0] ?? kind;
  const marks = head.slice(known.length);
  return {
    kind: known,
    mayBeNull: marks.includes('?'),
    uninit: marks.includes('!'),
    written: marks.includes('w'),
    readOnly: marks.includes('r'),
    aligned: marks.includes('a'),
    released: marks.includes('^'),
    size: known === 'fixed' ? Number(detail) : 0,
    btfType: known === 'btf' ? detail : '',
  };
}

const KINDS = [
  'any',
  'ctx',
  'map',
  'key',
  'value',
  'mem',
  'size0',
  'size',
  'fixed',
  'btf',
  'sk',
  'func',
  'timer',
  'stack',
  'sock_common',
  'socket',
  'dynptr',
  'spin_lock',
  'ringbuf_mem',
  'percpu_btf',
  'str',
  'alloc_size',
  'kptr',
];

function parse(id: number, row: ProtoRow): HelperProto {
  const [result, args, flags = ''] = row;
  return {
    id,
    result: result.replace('?', ''),
    resultMayBeNull: result.includes('?'),
    args: args === '' ? [] : args.split(' ').map(parseArg),
    gplOnly: flags.includes('g'),
    acceptsPacket: flags.includes('p'),
    mightSleep: flags.includes('s'),
    fastcall: flags.includes('f'),
  };
}

/** Numbers of a list of ranges: `1-3,5`. */
export function expand(ranges: string): Set<number> {
  const set = new Set<number>();
  for (const part of ranges.split(',')) {
    const [from, to = from] = part.split('-').map(Number) as [number, number?];
    for (let i = from; i <= to!; i++) set.add(i);
  }
  return set;
}

const allowed = new Map<number, Set<number>>(Object.entries(ALLOWED).map(([type, ranges]) => [Number(type), expand(ranges)]));
const cache = new Map<number, HelperProto>();

/** Prototype of a helper in programs of a type; null when they may not call it. */
export function helperProto(progType: number, id: number): HelperProto | null {
  const set = allowed.get(progType);
  if (set && !set.has(id)) return null;
  const variant = PROTO_VARIANTS[progType]?.[id];
  const key = variant ? progType * 1000 + id : id;
  let proto = cache.get(key);
  if (!proto) {
    const row = variant ?? PROTO_ROWS[id];
    if (!row) return null;
    proto = parse(id, row);
    cache.set(key, proto);
  }
  return proto;
}

/** Helpers after which packet pointers are no longer valid (kernel `bpf_helper_changes_pkt_data`). */
const CHANGES_PACKET = new Set([9, 10, 11, 12, 13, 18, 19, 31, 38, 39, 43, 44, 50, 54, 62, 65, 73, 74, 75, 76, 90, 91, 143]);

export const changesPacketData = (id: number): boolean => CHANGES_PACKET.has(id);
export const isSyncCallbackHelper = (id: number): boolean =>
  id === FUNC.forEachMapElem || id === FUNC.findVma || id === FUNC.loop || id === FUNC.userRingbufDrain;
export const isAsyncCallbackHelper = (id: number): boolean => id === FUNC.timerSetCallback;

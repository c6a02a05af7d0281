/**
 * Context structures of the program types: which bytes may be read and written, in which sizes, and what a read yields.
 * `narrow`: any size up to the field's; `prefix`: the same, from its first byte; `any`: any aligned size within the field; `wide`: narrow or a pair of words; `wide4`: one
 * word or a pair; numbers: exactly these sizes; '': never.
 */
export interface CtxField {
  readonly from: number;
  readonly to: number;
  /** Bytes of the field for `narrow`. */
  readonly size: number;
  readonly read: string;
  readonly write: string;
  readonly result?: string;
  /** Attach types that have the field. */
  readonly attach?: readonly number[];
  readonly writeAttach?: readonly number[];
}

export interface CtxLayout {
  readonly name: string;
  readonly size: number;
  readonly fields: readonly CtxField[];
}

type Extra = Pick<CtxField, 'result' | 'attach' | 'writeAttach'>;

function field(from: number, to: number, read: string, write = '', extra: Extra = {}): CtxField {
  return { from, to, size: 4, read, write, ...extra };
}

/** `__sk_buff` with what one program type may do beyond the reads that all share. */
function skb(
  name: string,
  hidden: readonly string[],
  written: Readonly<Record<string, string>>,
  results: Readonly<Record<string, string>> = {},
): CtxLayout {
  const rows: readonly (readonly [string, number, number, string])[] = [
    ['len', 0, 4, 'narrow'],
    ['pkt_type', 4, 8, 'narrow'],
    ['mark', 8, 12, 'narrow'],
    ['queue_mapping', 12, 16, 'narrow'],
    ['protocol', 16, 20, 'narrow'],
    ['vlan_present', 20, 24, 'narrow'],
    ['vlan_tci', 24, 28, 'narrow'],
    ['vlan_proto', 28, 32, 'narrow'],
    ['priority', 32, 36, 'narrow'],
    ['ingress_ifindex', 36, 40, 'narrow'],
    ['ifindex', 40, 44, 'narrow'],
    ['tc_index', 44, 48, 'narrow'],
    ['cb', 48, 68, 'any'],
    ['hash', 68, 72, 'narrow'],
    ['tc_classid', 72, 76, 'narrow'],
    ['data', 76, 80, '4'],
    ['data_end', 80, 84, '4'],
    ['napi_id', 84, 88, 'narrow'],
    ['family', 88, 92, 'narrow'],
    ['addresses', 92, 132, '4'],
    ['ports', 132, 140, 'narrow'],
    ['data_meta', 140, 144, '4'],
    ['flow_keys', 144, 152, ''],
    ['tstamp', 152, 160, '8'],
    ['wire_len', 160, 164, 'narrow'],
    ['gso_segs', 164, 168, 'narrow'],
    ['sk', 168, 176, '8'],
    ['gso_size', 176, 180, 'narrow'],
    ['tstamp_type', 180, 181, ''],
    ['padding', 181, 184, ''],
    ['hwtstamp', 184, 192, '8'],
  ];
  const fields = rows.map(([key, from, to, read]) => {
    const result = key === 'sk' ? 'sock_common?' : results[key];
    const hide = hidden.includes(key);
    const reads = key === 'tstamp_type' && results[key] === 'u8' ? '1' : read;
    return field(from, to, hide ? '' : reads, hide ? '' : (written[key] ?? ''), result && result !== 'u8' ? { result } : {});
  });
  return { name, size: 192, fields };
}

const PACKET_RESULTS = { data: 'pkt', data_end: 'pkt_end' };
const LOCAL = ['family', 'addresses', 'ports'];

const socketFilter = skb('socket_filter', ['tc_classid', 'data', 'data_meta', 'data_end', ...LOCAL, 'tstamp', 'wire_len', 'hwtstamp'], {
  cb: 'any',
});
const classifier = skb(
  'sched_cls',
  LOCAL,
  { mark: '4', tc_index: '4', priority: '4', tc_classid: '4', cb: 'any', tstamp: '8', queue_mapping: '4' },
  { ...PACKET_RESULTS, data_meta: 'pkt_meta', tstamp_type: 'u8' },
);
const cgroupSkb = skb(
  'cgroup_skb',
  ['tc_classid', 'data_meta', 'wire_len'],
  { mark: '4', priority: '4', cb: 'any', tstamp: '8' },
  PACKET_RESULTS,
);
const lwt = skb(
  'lwt',
  ['tc_classid', ...LOCAL, 'data_meta', 'tstamp', 'wire_len', 'hwtstamp'],
  { mark: '4', priority: '4', cb: 'any' },
  PACKET_RESULTS,
);
const skSkb = skb(
  'sk_skb',
  ['tc_classid', 'data_meta', 'tstamp', 'wire_len', 'hwtstamp', 'mark'],
  { tc_index: '4', priority: '4' },
  PACKET_RESULTS,
);

const flowDissector: CtxLayout = {
  name: 'flow_dissector',
  size: 192,
  fields: [
    field(76, 80, '4', '', { result: 'pkt' }),
    field(80, 84, '4', '', { result: 'pkt_end' }),
    field(144, 152, '8', '', { result: 'flow_keys' }),
  ],
};

const XDP_DEVMAP = 33;

const xdp: CtxLayout = {
  name: 'xdp',
  size: 24,
  fields: [
    field(0, 4, '4', '', { result: 'pkt' }),
    field(4, 8, '4', '', { result: 'pkt_end' }),
    field(8, 12, '4', '', { result: 'pkt_meta' }),
    field(12, 20, '4'),
    field(20, 24, '4', '', { attach: [XDP_DEVMAP] }),
  ],
};

const INET_SOCK = 2;
const POST_BIND4 = 12;
const POST_BIND6 = 13;
const SOCK_RELEASE = 34;

/** `bpf_sock` as the context of cgroup/sock programs. */
const cgroupSock: CtxLayout = {
  name: 'cgroup_sock',
  size: 80,
  fields: [
    field(0, 4, '4', '4', { attach: [INET_SOCK, SOCK_RELEASE] }),
    field(4, 8, 'prefix'),
    field(8, 12, 'prefix'),
    field(12, 16, 'prefix'),
    field(16, 24, '4', '4', { attach: [INET_SOCK, SOCK_RELEASE] }),
    field(24, 28, 'narrow', '', { attach: [POST_BIND4] }),
    field(28, 44, 'narrow', '', { attach: [POST_BIND6] }),
    field(44, 48, 'prefix', '', { attach: [POST_BIND4, POST_BIND6] }),
    field(48, 50, '1|2|4'),
    field(52, 72, 'narrow'),
    field(72, 76, 'prefix'),
    field(76, 80, 'prefix'),
  ],
};

const BIND4 = 8;
const BIND6 = 9;
const CONNECT4 = 10;
const CONNECT6 = 11;
const SENDMSG4 = 14;
const SENDMSG6 = 15;
const RECVMSG4 = 19;
const RECVMSG6 = 20;
const INET4 = [BIND4, CONNECT4, SENDMSG4, RECVMSG4, 29, 31];
const INET6 = [BIND6, CONNECT6, SENDMSG6, RECVMSG6, 30, 32];

const sockAddr: CtxLayout = {
  name: 'cgroup_sock_addr',
  size: 72,
  fields: [
    field(0, 4, '4'),
    field(4, 8, 'narrow', '4', { attach: INET4 }),
    field(8, 24, 'wide', 'wide4', { attach: INET6 }),
    field(24, 28, 'narrow', '4'),
    field(28, 40, '4'),
    field(40, 44, 'narrow', '4', { attach: [SENDMSG4] }),
    field(44, 60, 'wide', 'wide4', { attach: [SENDMSG6] }),
    field(64, 72, '8', '', { result: 'sock' }),
  ],
};

const sockOps: CtxLayout = {
  name: 'sock_ops',
  size: 224,
  fields: [
    field(0, 4, '4'),
    field(4, 8, '4', '4'),
    field(8, 164, '4'),
    field(164, 168, '4', '4'),
    field(168, 184, '8'),
    field(184, 192, '8', '', { result: 'sock?' }),
    field(192, 200, '8', '', { result: 'pkt' }),
    field(200, 208, '8', '', { result: 'pkt_end' }),
    field(208, 212, '4'),
    field(212, 216, 'prefix'),
    field(216, 224, '8'),
  ],
};

const skMsg: CtxLayout = {
  name: 'sk_msg',
  size: 80,
  fields: [
    field(0, 8, '8', '', { result: 'pkt' }),
    field(8, 16, '8', '', { result: 'pkt_end' }),
    field(16, 72, '4'),
    field(72, 80, '8', '', { result: 'sock' }),
  ],
};

const skReuseport: CtxLayout = {
  name: 'sk_reuseport',
  size: 56,
  fields: [
    field(0, 8, '8', '', { result: 'pkt' }),
    field(8, 16, '8', '', { result: 'pkt_end' }),
    field(16, 20, 'narrow'),
    field(20, 24, '2|4'),
    field(24, 32, 'narrow'),
    field(32, 36, '4'),
    field(40, 48, '8', '', { result: 'sock' }),
    field(48, 56, '8', '', { result: 'sock_common?' }),
  ],
};

const skLookup: CtxLayout = {
  name: 'sk_lookup',
  size: 72,
  fields: [
    field(0, 8, '8', '', { result: 'sock?' }),
    field(8, 36, 'narrow'),
    field(36, 38, '1|2|4'),
    field(38, 40, '1|2'),
    field(40, 68, 'narrow'),
  ],
};

const GETSOCKOPT = 21;
const SETSOCKOPT = 22;

const sockopt: CtxLayout = {
  name: 'cgroup_sockopt',
  size: 40,
  fields: [
    field(0, 8, '8', '', { result: 'sock' }),
    field(8, 16, '8', '', { result: 'pkt' }),
    field(16, 24, '8', '', { result: 'pkt_end' }),
    field(24, 32, '4', '4', { writeAttach: [SETSOCKOPT] }),
    field(32, 36, '4', '4'),
    field(36, 40, '4', '4', { attach: [GETSOCKOPT] }),
  ],
};

const sysctl: CtxLayout = { name: 'cgroup_sysctl', size: 8, fields: [field(0, 4, 'narrow'), field(4, 8, 'narrow', '4')] };
const device: CtxLayout = { name: 'cgroup_device', size: 12, fields: [field(0, 4, 'narrow'), field(4, 12, '4')] };
/** `struct pt_regs` of x86-64. */
const ptRegs: CtxLayout = { name: 'kprobe', size: 168, fields: [field(0, 168, 'any')] };
const TRACE_MAX = 8192;
const tracepoint: CtxLayout = { name: 'tracepoint', size: TRACE_MAX, fields: [field(8, TRACE_MAX, '1|2|4|8')] };
const perfEvent: CtxLayout = {
  name: 'perf_event',
  size: 184,
  fields: [field(0, 168, '8'), { from: 168, to: 184, size: 8, read: 'narrow', write: '' }],
};
const RAW_ARGS = 12 * 8;
const rawTracepoint: CtxLayout = { name: 'raw_tracepoint', size: RAW_ARGS, fields: [field(0, RAW_ARGS, '1|2|4|8')] };
const rawWritable: CtxLayout = {
  name: 'raw_tracepoint_writable',
  size: RAW_ARGS,
  fields: [field(0, 1, '8', '', { result: 'tp_buffer' }), field(1, RAW_ARGS, '1|2|4|8')],
};
/** The context of a syscall program is the caller's memory. */
const SYSCALL_MAX = 65535;
const syscall: CtxLayout = { name: 'syscall', size: SYSCALL_MAX, fields: [field(0, SYSCALL_MAX, '1|2|4|8', '1|2|4|8')] };

export const BPF_CTX_TYPES: Readonly<Record<number, CtxLayout>> = {
  1: socketFilter,
  2: ptRegs,
  3: classifier,
  4: classifier,
  5: tracepoint,
  6: xdp,
  7: perfEvent,
  8: cgroupSkb,
  9: cgroupSock,
  10: lwt,
  11: lwt,
  12: lwt,
  13: sockOps,
  14: skSkb,
  15: device,
  16: skMsg,
  17: rawTracepoint,
  18: sockAddr,
  19: lwt,
  21: skReuseport,
  22: flowDissector,
  23: sysctl,
  24: rawWritable,
  25: sockopt,
  30: skLookup,
  31: syscall,
};

import { ACCEL_HOOKS, accelHookOf, PROG_TYPE_ACCELERATOR } from './accelerator/names.ts';

/** Program types of the 6.18 uapi (`enum bpf_prog_type`), by number; the names are the enum's in lower case. */
export const PROG_TYPE_NAMES: readonly string[] = [
  'unspec',
  'socket_filter',
  'kprobe',
  'sched_cls',
  'sched_act',
  'tracepoint',
  'xdp',
  'perf_event',
  'cgroup_skb',
  'cgroup_sock',
  'lwt_in',
  'lwt_out',
  'lwt_xmit',
  'sock_ops',
  'sk_skb',
  'cgroup_device',
  'sk_msg',
  'raw_tracepoint',
  'cgroup_sock_addr',
  'lwt_seg6local',
  'lirc_mode2',
  'sk_reuseport',
  'flow_dissector',
  'cgroup_sysctl',
  'raw_tracepoint_writable',
  'cgroup_sockopt',
  'tracing',
  'struct_ops',
  'ext',
  'lsm',
  'sk_lookup',
  'syscall',
  'netfilter',
];

export const PROG_TYPE_SOCKET_FILTER = 1;
export const PROG_TYPE_KPROBE = 2;
export const PROG_TYPE_SCHED_CLS = 3;
export const PROG_TYPE_TRACEPOINT = 5;
export const PROG_TYPE_XDP = 6;
export const PROG_TYPE_RAW_TRACEPOINT = 17;
export const PROG_TYPE_TRACING = 26;
export const PROG_TYPE_EXT = 28;
export const PROG_TYPE_LSM = 29;
export const PROG_TYPE_SYSCALL = 31;

/** Return code of an XDP program that lets the packet go on (uapi `enum xdp_action`). */
export const XDP_PASS = 2;

/** Attach types of the 6.18 uapi (`enum bpf_attach_type`), by number, without `BPF_`, in lower case. */
export const ATTACH_TYPE_NAMES: readonly string[] = [
  'cgroup_inet_ingress',
  'cgroup_inet_egress',
  'cgroup_inet_sock_create',
  'cgroup_sock_ops',
  'sk_skb_stream_parser',
  'sk_skb_stream_verdict',
  'cgroup_device',
  'sk_msg_verdict',
  'cgroup_inet4_bind',
  'cgroup_inet6_bind',
  'cgroup_inet4_connect',
  'cgroup_inet6_connect',
  'cgroup_inet4_post_bind',
  'cgroup_inet6_post_bind',
  'cgroup_udp4_sendmsg',
  'cgroup_udp6_sendmsg',
  'lirc_mode2',
  'flow_dissector',
  'cgroup_sysctl',
  'cgroup_udp4_recvmsg',
  'cgroup_udp6_recvmsg',
  'cgroup_getsockopt',
  'cgroup_setsockopt',
  'trace_raw_tp',
  'trace_fentry',
  'trace_fexit',
  'modify_return',
  'lsm_mac',
  'trace_iter',
  'cgroup_inet4_getpeername',
  'cgroup_inet6_getpeername',
  'cgroup_inet4_getsockname',
  'cgroup_inet6_getsockname',
  'xdp_devmap',
  'cgroup_inet_sock_release',
  'xdp_cpumap',
  'sk_lookup',
  'xdp',
  'sk_skb_verdict',
  'sk_reuseport_select',
  'sk_reuseport_select_or_migrate',
  'perf_event',
  'trace_kprobe_multi',
  'lsm_cgroup',
  'struct_ops',
  'netfilter',
  'tcx_ingress',
  'tcx_egress',
  'trace_uprobe_multi',
  'cgroup_unix_connect',
  'cgroup_unix_sendmsg',
  'cgroup_unix_recvmsg',
  'cgroup_unix_getpeername',
  'cgroup_unix_getsockname',
  'netkit_primary',
  'netkit_peer',
  'trace_kprobe_session',
  'trace_uprobe_session',
];

/** `BPF_F_XDP_HAS_FRAGS` of BPF_PROG_LOAD: what libbpf sets for `xdp.frags…` sections. */
const LOAD_FLAG_XDP_HAS_FRAGS = 1 << 5;

/** What libbpf derives from the name of a program's section. */
export interface SectionType {
  readonly progType: number;
  readonly expectedAttachType: number;
  readonly sleepable: boolean;
  /** Load flags other than sleepable. */
  readonly loadFlags: number;
  /** False where libbpf 1.x refuses the name and only its older versions took it by prefix (`xdp_drop`, `classifier/x`). */
  readonly exact: boolean;
}

/** Section (`+`: also with a `/…` suffix), type, attach type, flags (s sleepable, f fragments), as libbpf 1.8 knows them. */
const SECTIONS: readonly (readonly [section: string, progType: number, attachType: number, flags: string])[] = [
  ['socket', 1, 0, ''], // socket_filter
  ['sk_reuseport/migrate', 21, 40, ''], // sk_reuseport
  ['sk_reuseport', 21, 39, ''], // sk_reuseport
  ['kprobe+', 2, 0, ''], // kprobe
  ['uprobe+', 2, 0, ''], // kprobe
  ['uprobe.s+', 2, 0, 's'], // kprobe
  ['kretprobe+', 2, 0, ''], // kprobe
  ['uretprobe+', 2, 0, ''], // kprobe
  ['uretprobe.s+', 2, 0, 's'], // kprobe
  ['kprobe.multi+', 2, 42, ''], // kprobe
  ['kretprobe.multi+', 2, 42, ''], // kprobe
  ['kprobe.session+', 2, 56, ''], // kprobe
  ['uprobe.multi+', 2, 48, ''], // kprobe
  ['uretprobe.multi+', 2, 48, ''], // kprobe
  ['uprobe.session+', 2, 57, ''], // kprobe
  ['uprobe.multi.s+', 2, 48, 's'], // kprobe
  ['uretprobe.multi.s+', 2, 48, 's'], // kprobe
  ['uprobe.session.s+', 2, 57, 's'], // kprobe
  ['ksyscall+', 2, 0, ''], // kprobe
  ['kretsyscall+', 2, 0, ''], // kprobe
  ['usdt+', 2, 0, ''], // kprobe
  ['usdt.s+', 2, 0, 's'], // kprobe
  ['tc/ingress', 3, 46, ''], // sched_cls
  ['tc/egress', 3, 47, ''], // sched_cls
  ['tcx/ingress', 3, 46, ''], // sched_cls
  ['tcx/egress', 3, 47, ''], // sched_cls
  ['tc', 3, 0, ''], // sched_cls
  ['classifier', 3, 0, ''], // sched_cls
  ['action', 4, 0, ''], // sched_act
  ['netkit/primary', 3, 54, ''], // sched_cls
  ['netkit/peer', 3, 55, ''], // sched_cls
  ['tracepoint+', 5, 0, ''], // tracepoint
  ['tp+', 5, 0, ''], // tracepoint
  ['tracepoint.s+', 5, 0, 's'], // tracepoint
  ['tp.s+', 5, 0, 's'], // tracepoint
  ['raw_tracepoint+', 17, 0, ''], // raw_tracepoint
  ['raw_tp+', 17, 0, ''], // raw_tracepoint
  ['raw_tracepoint.s+', 17, 0, 's'], // raw_tracepoint
  ['raw_tp.s+', 17, 0, 's'], // raw_tracepoint
  ['raw_tracepoint.w+', 24, 0, ''], // raw_tracepoint_writable
  ['raw_tp.w+', 24, 0, ''], // raw_tracepoint_writable
  ['tp_btf+', 26, 23, ''], // tracing
  ['tp_btf.s+', 26, 23, 's'], // tracing
  ['fentry+', 26, 24, ''], // tracing
  ['fmod_ret+', 26, 26, ''], // tracing
  ['fexit+', 26, 25, ''], // tracing
  ['fentry.s+', 26, 24, 's'], // tracing
  ['fmod_ret.s+', 26, 26, 's'], // tracing
  ['fexit.s+', 26, 25, 's'], // tracing
  ['fsession+', 26, 58, ''], // tracing
  ['fsession.s+', 26, 58, 's'], // tracing
  ['fsession.multi+', 26, 61, ''], // tracing
  ['fsession.multi.s+', 26, 61, 's'], // tracing
  ['fentry.multi+', 26, 59, ''], // tracing
  ['fexit.multi+', 26, 60, ''], // tracing
  ['fentry.multi.s+', 26, 59, 's'], // tracing
  ['fexit.multi.s+', 26, 60, 's'], // tracing
  ['freplace+', 28, 0, ''], // ext
  ['lsm+', 29, 27, ''], // lsm
  ['lsm.s+', 29, 27, 's'], // lsm
  ['lsm_cgroup+', 29, 43, ''], // lsm
  ['iter+', 26, 28, ''], // tracing
  ['iter.s+', 26, 28, 's'], // tracing
  ['syscall', 31, 0, 's'], // syscall
  ['xdp.frags/devmap', 6, 33, 'f'], // xdp
  ['xdp/devmap', 6, 33, ''], // xdp
  ['xdp.frags/cpumap', 6, 35, 'f'], // xdp
  ['xdp/cpumap', 6, 35, ''], // xdp
  ['xdp.frags', 6, 37, 'f'], // xdp
  ['xdp', 6, 37, ''], // xdp
  ['perf_event', 7, 0, ''], // perf_event
  ['lwt_in', 10, 0, ''], // lwt_in
  ['lwt_out', 11, 0, ''], // lwt_out
  ['lwt_xmit', 12, 0, ''], // lwt_xmit
  ['lwt_seg6local', 19, 0, ''], // lwt_seg6local
  ['sockops', 13, 3, ''], // sock_ops
  ['sk_skb/stream_parser', 14, 4, ''], // sk_skb
  ['sk_skb/stream_verdict', 14, 5, ''], // sk_skb
  ['sk_skb/verdict', 14, 38, ''], // sk_skb
  ['sk_skb', 14, 0, ''], // sk_skb
  ['sk_msg', 16, 7, ''], // sk_msg
  ['lirc_mode2', 20, 16, ''], // lirc_mode2
  ['flow_dissector', 22, 17, ''], // flow_dissector
  ['cgroup_skb/ingress', 8, 0, ''], // cgroup_skb
  ['cgroup_skb/egress', 8, 1, ''], // cgroup_skb
  ['cgroup/skb', 8, 0, ''], // cgroup_skb
  ['cgroup/sock_create', 9, 2, ''], // cgroup_sock
  ['cgroup/sock_release', 9, 34, ''], // cgroup_sock
  ['cgroup/sock', 9, 2, ''], // cgroup_sock
  ['cgroup/post_bind4', 9, 12, ''], // cgroup_sock
  ['cgroup/post_bind6', 9, 13, ''], // cgroup_sock
  ['cgroup/bind4', 18, 8, ''], // cgroup_sock_addr
  ['cgroup/bind6', 18, 9, ''], // cgroup_sock_addr
  ['cgroup/connect4', 18, 10, ''], // cgroup_sock_addr
  ['cgroup/connect6', 18, 11, ''], // cgroup_sock_addr
  ['cgroup/connect_unix', 18, 49, ''], // cgroup_sock_addr
  ['cgroup/sendmsg4', 18, 14, ''], // cgroup_sock_addr
  ['cgroup/sendmsg6', 18, 15, ''], // cgroup_sock_addr
  ['cgroup/sendmsg_unix', 18, 50, ''], // cgroup_sock_addr
  ['cgroup/recvmsg4', 18, 19, ''], // cgroup_sock_addr
  ['cgroup/recvmsg6', 18, 20, ''], // cgroup_sock_addr
  ['cgroup/recvmsg_unix', 18, 51, ''], // cgroup_sock_addr
  ['cgroup/getpeername4', 18, 29, ''], // cgroup_sock_addr
  ['cgroup/getpeername6', 18, 30, ''], // cgroup_sock_addr
  ['cgroup/getpeername_unix', 18, 52, ''], // cgroup_sock_addr
  ['cgroup/getsockname4', 18, 31, ''], // cgroup_sock_addr
  ['cgroup/getsockname6', 18, 32, ''], // cgroup_sock_addr
  ['cgroup/getsockname_unix', 18, 53, ''], // cgroup_sock_addr
  ['cgroup/sysctl', 23, 18, ''], // cgroup_sysctl
  ['cgroup/getsockopt', 25, 21, ''], // cgroup_sockopt
  ['cgroup/setsockopt', 25, 22, ''], // cgroup_sockopt
  ['cgroup/dev', 15, 6, ''], // cgroup_device
  ['struct_ops+', 27, 0, ''], // struct_ops
  ['struct_ops.s+', 27, 0, 's'], // struct_ops
  ['sk_lookup', 30, 36, ''], // sk_lookup
  ['netfilter', 32, 45, ''], // netfilter
];

const toType = (row: (typeof SECTIONS)[number], exact: boolean): SectionType => ({
  progType: row[1],
  expectedAttachType: row[2],
  sleepable: row[3].includes('s'),
  loadFlags: row[3].includes('f') ? LOAD_FLAG_XDP_HAS_FRAGS : 0,
  exact,
});

/**
 * Program type that a section name stands for, or undefined when libbpf knows none; of programs on the accelerator, which no kernel and no
 * libbpf knows, the attach type is the number of the hook. A leading `?` (do not load
 * automatically) is ignored, as libbpf does.
 */
export function sectionType(sectionName: string): SectionType | undefined {
  const name = sectionName.replace(/^\?/, '');
  const hook = accelHookOf(name);
  if (hook)
    return {
      progType: PROG_TYPE_ACCELERATOR,
      expectedAttachType: ACCEL_HOOKS.indexOf(hook),
      sleepable: false,
      loadFlags: 0,
      exact: true,
    };
  for (const row of SECTIONS) {
    const base = row[0].replace(/\+$/, '');
    if (name === base || (row[0] !== base && name.startsWith(`${base}/`))) return toType(row, true);
  }
  let best: (typeof SECTIONS)[number] | undefined;
  for (const row of SECTIONS) {
    const base = row[0].replace(/\+$/, '');
    const isPrefix = name.startsWith(base) && /^[/_.:-]/.test(name.slice(base.length));
    if (isPrefix && base.length > (best?.[0].length ?? 0)) best = row;
  }
  return best && toType(best, false);
}

/** Name of a program type, or `type N` for one that 6.18 does not define. */
export function progTypeName(progType: number): string {
  return progType === PROG_TYPE_ACCELERATOR ? 'accelerator' : (PROG_TYPE_NAMES[progType] ?? `type ${progType}`);
}

const byName = new Map(PROG_TYPE_NAMES.map((name, type) => [name, type]));

/** Number of the program type `name` (`sched_cls`; any case, with or without `BPF_PROG_TYPE_`), or undefined. */
export function progTypeByName(name: string): number | undefined {
  if (name === 'accelerator') return PROG_TYPE_ACCELERATOR;
  return byName.get(name.toLowerCase().replace(/^bpf_prog_type_/, ''));
}

/** The plainest section name that libbpf maps to a program and attach type; undefined when there is none. */
export function sectionFor(progType: number, expectedAttachType = 0): string | undefined {
  if (progType === PROG_TYPE_ACCELERATOR) return `accelerator/${ACCEL_HOOKS[expectedAttachType]}`;
  const rows = SECTIONS.filter((row) => row[1] === progType).sort((a, b) => a[3].length - b[3].length || a[0].length - b[0].length);
  const row = rows.find((one) => one[2] === expectedAttachType && one[3] === '') ?? rows[0];
  return row?.[0].replace(/\+$/, '');
}

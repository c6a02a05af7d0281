import { MAP_TYPE_NAMES } from '../../bpf/maps.ts';
import { ATTACH_TYPE_NAMES, PROG_TYPE_NAMES } from '../../bpf/progtypes.ts';

const enumOf = (name: string, prefix: string, names: readonly string[]): string =>
  `enum ${name} {\n${names.flatMap((word, at) => (word ? [`  ${prefix}${word.toUpperCase()} = ${at},`] : [])).join('\n')}\n};`;

/** Numbers and layouts of the interface between programs and Linux 6.18: the enumerations come from our tables, contexts stand here. */
export const LINUX_BPF_H = `#ifndef __BPFORMER_LINUX_BPF_H__
#define __BPFORMER_LINUX_BPF_H__
#include <linux/types.h>
${enumOf('bpf_map_type', 'BPF_MAP_TYPE_', MAP_TYPE_NAMES)}
${enumOf('bpf_prog_type', 'BPF_PROG_TYPE_', PROG_TYPE_NAMES)}
${enumOf('bpf_attach_type', 'BPF_', ATTACH_TYPE_NAMES)}

enum { BPF_ANY = 0, BPF_NOEXIST = 1, BPF_EXIST = 2, BPF_F_LOCK = 4 };
enum {
  BPF_F_NO_PREALLOC = 1 << 0, BPF_F_NO_COMMON_LRU = 1 << 1, BPF_F_NUMA_NODE = 1 << 2, BPF_F_RDONLY = 1 << 3, BPF_F_WRONLY = 1 << 4,
  BPF_F_STACK_BUILD_ID = 1 << 5, BPF_F_ZERO_SEED = 1 << 6, BPF_F_RDONLY_PROG = 1 << 7, BPF_F_WRONLY_PROG = 1 << 8, BPF_F_CLONE = 1 << 9,
  BPF_F_MMAPABLE = 1 << 10, BPF_F_PRESERVE_ELEMS = 1 << 11, BPF_F_INNER_MAP = 1 << 12
};
enum { BPF_F_RECOMPUTE_CSUM = 1 << 0, BPF_F_INVALIDATE_HASH = 1 << 1 };
enum { BPF_F_HDR_FIELD_MASK = 0xf };
enum { BPF_F_PSEUDO_HDR = 1 << 4, BPF_F_MARK_MANGLED_0 = 1 << 5, BPF_F_MARK_ENFORCE = 1 << 6 };
enum { BPF_F_INGRESS = 1 << 0, BPF_F_BROADCAST = 1 << 3, BPF_F_EXCLUDE_INGRESS = 1 << 4 };
enum { BPF_F_TUNINFO_IPV6 = 1 << 0 };
enum { BPF_F_SKIP_FIELD_MASK = 0xff, BPF_F_USER_STACK = 1 << 8, BPF_F_FAST_STACK_CMP = 1 << 9, BPF_F_REUSE_STACKID = 1 << 10, BPF_F_USER_BUILD_ID = 1 << 11 };
#define BPF_F_INDEX_MASK 0xffffffffULL
#define BPF_F_CURRENT_CPU BPF_F_INDEX_MASK
#define BPF_F_CTXLEN_MASK (0xfffffULL << 32)
enum { BPF_RB_NO_WAKEUP = 1 << 0, BPF_RB_FORCE_WAKEUP = 1 << 1 };
enum { BPF_RB_AVAIL_DATA = 0, BPF_RB_RING_SIZE = 1, BPF_RB_CONS_POS = 2, BPF_RB_PROD_POS = 3 };
#define BPF_F_TIMER_ABS (1ULL << 0)
#define BPF_F_TIMER_CPU_PIN (1ULL << 1)
enum bpf_adj_room_mode { BPF_ADJ_ROOM_NET, BPF_ADJ_ROOM_MAC };
enum { BPF_FIB_LOOKUP_DIRECT = 1 << 0, BPF_FIB_LOOKUP_OUTPUT = 1 << 1 };
enum {
  BPF_FIB_LKUP_RET_SUCCESS, BPF_FIB_LKUP_RET_BLACKHOLE, BPF_FIB_LKUP_RET_UNREACHABLE, BPF_FIB_LKUP_RET_PROHIBIT,
  BPF_FIB_LKUP_RET_NOT_FWDED, BPF_FIB_LKUP_RET_FWD_DISABLED, BPF_FIB_LKUP_RET_UNSUPP_LWT, BPF_FIB_LKUP_RET_NO_NEIGH,
  BPF_FIB_LKUP_RET_FRAG_NEEDED, BPF_FIB_LKUP_RET_NO_SRC_ADDR
};
enum { BPF_LOCAL_STORAGE_GET_F_CREATE = 1, BPF_SK_STORAGE_GET_F_CREATE = 1 };
enum bpf_ret_code { BPF_OK = 0, BPF_DROP = 2, BPF_REDIRECT = 7, BPF_LWT_REROUTE = 128 };
enum sk_action { SK_DROP = 0, SK_PASS };
enum xdp_action { XDP_ABORTED = 0, XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT };
enum tcx_action_base { TCX_NEXT = -1, TCX_PASS = 0, TCX_DROP = 2, TCX_REDIRECT = 7 };
enum {
  BPF_SOCK_OPS_VOID, BPF_SOCK_OPS_TIMEOUT_INIT, BPF_SOCK_OPS_RWND_INIT, BPF_SOCK_OPS_TCP_CONNECT_CB, BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB,
  BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB, BPF_SOCK_OPS_NEEDS_ECN, BPF_SOCK_OPS_BASE_RTT, BPF_SOCK_OPS_RTO_CB, BPF_SOCK_OPS_RETRANS_CB,
  BPF_SOCK_OPS_STATE_CB, BPF_SOCK_OPS_TCP_LISTEN_CB, BPF_SOCK_OPS_RTT_CB, BPF_SOCK_OPS_PARSE_HDR_OPT_CB, BPF_SOCK_OPS_HDR_OPT_LEN_CB,
  BPF_SOCK_OPS_WRITE_HDR_OPT_CB
};
enum {
  BPF_SOCK_OPS_RTO_CB_FLAG = 1 << 0, BPF_SOCK_OPS_RETRANS_CB_FLAG = 1 << 1, BPF_SOCK_OPS_STATE_CB_FLAG = 1 << 2, BPF_SOCK_OPS_RTT_CB_FLAG = 1 << 3
};
enum {
  BPF_TCP_ESTABLISHED = 1, BPF_TCP_SYN_SENT, BPF_TCP_SYN_RECV, BPF_TCP_FIN_WAIT1, BPF_TCP_FIN_WAIT2, BPF_TCP_TIME_WAIT, BPF_TCP_CLOSE,
  BPF_TCP_CLOSE_WAIT, BPF_TCP_LAST_ACK, BPF_TCP_LISTEN, BPF_TCP_CLOSING, BPF_TCP_NEW_SYN_RECV
};
#define BPF_TAG_SIZE 8
#define MAX_BPF_REG 11

struct xdp_md {
  __u32 data;
  __u32 data_end;
  __u32 data_meta;
  __u32 ingress_ifindex;
  __u32 rx_queue_index;
  __u32 egress_ifindex;
};

#define __bpf_md_ptr(type, name) union { type name; __u64 : 64; } __attribute__((aligned(8)))
struct bpf_flow_keys;
struct bpf_sock;
struct __sk_buff {
  __u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto, priority, ingress_ifindex, ifindex, tc_index;
  __u32 cb[5];
  __u32 hash, tc_classid, data, data_end, napi_id, family, remote_ip4, local_ip4;
  __u32 remote_ip6[4];
  __u32 local_ip6[4];
  __u32 remote_port, local_port, data_meta;
  __bpf_md_ptr(struct bpf_flow_keys *, flow_keys);
  __u64 tstamp;
  __u32 wire_len, gso_segs;
  __bpf_md_ptr(struct bpf_sock *, sk);
  __u32 gso_size;
  __u8 tstamp_type;
  __u32 : 24;
  __u64 hwtstamp;
};

struct bpf_sock {
  __u32 bound_dev_if, family, type, protocol, mark, priority, src_ip4;
  __u32 src_ip6[4];
  __u32 src_port;
  __be16 dst_port;
  __u16 : 16;
  __u32 dst_ip4;
  __u32 dst_ip6[4];
  __u32 state;
  __s32 rx_queue_mapping;
};
struct bpf_sock_tuple {
  union {
    struct { __be32 saddr, daddr; __be16 sport, dport; } ipv4;
    struct { __be32 saddr[4], daddr[4]; __be16 sport, dport; } ipv6;
  };
};
struct bpf_sock_addr {
  __u32 user_family, user_ip4;
  __u32 user_ip6[4];
  __u32 user_port, family, type, protocol, msg_src_ip4;
  __u32 msg_src_ip6[4];
  __bpf_md_ptr(struct bpf_sock *, sk);
};
struct bpf_sock_ops {
  __u32 op;
  union { __u32 args[4]; __u32 reply; __u32 replylong[4]; };
  __u32 family, remote_ip4, local_ip4;
  __u32 remote_ip6[4];
  __u32 local_ip6[4];
  __u32 remote_port, local_port, is_fullsock, snd_cwnd, srtt_us, bpf_sock_ops_cb_flags, state, rtt_min, snd_ssthresh, rcv_nxt, snd_nxt;
  __u32 snd_una, mss_cache, ecn_flags, rate_delivered, rate_interval_us, packets_out, retrans_out, total_retrans, segs_in, data_segs_in;
  __u32 segs_out, data_segs_out, lost_out, sacked_out, sk_txhash;
  __u64 bytes_received, bytes_acked;
  __bpf_md_ptr(struct bpf_sock *, sk);
  __bpf_md_ptr(void *, skb_data);
  __bpf_md_ptr(void *, skb_data_end);
  __u32 skb_len, skb_tcp_flags;
  __u64 skb_hwtstamp;
};
struct sk_msg_md {
  __bpf_md_ptr(void *, data);
  __bpf_md_ptr(void *, data_end);
  __u32 family, remote_ip4, local_ip4;
  __u32 remote_ip6[4];
  __u32 local_ip6[4];
  __u32 remote_port, local_port, size;
  __bpf_md_ptr(struct bpf_sock *, sk);
};
struct sk_reuseport_md {
  __bpf_md_ptr(void *, data);
  __bpf_md_ptr(void *, data_end);
  __u32 len, eth_protocol, ip_protocol, bind_inany, hash;
  __bpf_md_ptr(struct bpf_sock *, sk);
  __bpf_md_ptr(struct bpf_sock *, migrating_sk);
};
struct bpf_sk_lookup {
  union { __bpf_md_ptr(struct bpf_sock *, sk); __u64 cookie; };
  __u32 family, protocol, remote_ip4;
  __u32 remote_ip6[4];
  __be16 remote_port;
  __u16 : 16;
  __u32 local_ip4;
  __u32 local_ip6[4];
  __u32 local_port, ingress_ifindex;
};
struct bpf_raw_tracepoint_args { __u64 args[0]; };
struct bpf_cgroup_dev_ctx { __u32 access_type, major, minor; };
struct bpf_sysctl { __u32 write, file_pos; };
struct bpf_sockopt {
  __bpf_md_ptr(struct bpf_sock *, sk);
  __bpf_md_ptr(void *, optval);
  __bpf_md_ptr(void *, optval_end);
  __s32 level, optname, optlen, retval;
};
struct bpf_tunnel_key {
  __u32 tunnel_id;
  union { __u32 remote_ipv4; __u32 remote_ipv6[4]; };
  __u8 tunnel_tos, tunnel_ttl;
  union { __u16 tunnel_ext; __be16 tunnel_flags; };
  __u32 tunnel_label;
  union { __u32 local_ipv4; __u32 local_ipv6[4]; };
};
struct bpf_fib_lookup {
  __u8 family, l4_protocol;
  __be16 sport, dport;
  union { __u16 tot_len, mtu_result; } __attribute__((packed, aligned(2)));
  __u32 ifindex;
  union { __u8 tos; __be32 flowinfo; __u32 rt_metric; };
  union { __be32 ipv4_src; __u32 ipv6_src[4]; };
  union { __be32 ipv4_dst; __u32 ipv6_dst[4]; };
  union { struct { __be16 h_vlan_proto, h_vlan_TCI; }; __u32 tbid; };
  union { struct { __u32 mark; }; struct { __u8 smac[6], dmac[6]; }; };
};
struct bpf_redir_neigh { __u32 nh_family; union { __be32 ipv4_nh; __u32 ipv6_nh[4]; }; };
struct bpf_devmap_val { __u32 ifindex; union { int fd; __u32 id; } bpf_prog; };
struct bpf_cpumap_val { __u32 qsize; union { int fd; __u32 id; } bpf_prog; };
struct bpf_lpm_trie_key { __u32 prefixlen; __u8 data[0]; };
struct bpf_pidns_info { __u32 pid, tgid; };
struct bpf_spin_lock { __u32 val; };
struct bpf_timer { __u64 __opaque[2]; } __attribute__((aligned(8)));
struct bpf_wq { __u64 __opaque[2]; } __attribute__((aligned(8)));
struct bpf_dynptr { __u64 __opaque[2]; } __attribute__((aligned(8)));
struct bpf_list_head { __u64 __opaque[2]; } __attribute__((aligned(8)));
struct bpf_list_node { __u64 __opaque[3]; } __attribute__((aligned(8)));
struct bpf_rb_root { __u64 __opaque[2]; } __attribute__((aligned(8)));
struct bpf_rb_node { __u64 __opaque[4]; } __attribute__((aligned(8)));
struct bpf_refcount { __u32 __opaque[1]; } __attribute__((aligned(4)));
struct bpf_iter_num { __u64 __opaque[1]; } __attribute__((aligned(8)));
#endif
`;

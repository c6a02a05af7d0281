/* What a program of each type may return, and what has never been set. */
#include "common.h"

SEC("xdp") int anything(void *ctx) { return 99; }
SEC("xdp") __naked int nothing(void *ctx) { asm volatile("exit"); }
SEC("xdp") __naked int runs_off(void *ctx) { asm volatile("r0 = 0"); }
SEC("xdp") __naked int jumps_out(void *ctx) { asm volatile("r0 = 0; goto +5; exit"); }
SEC("xdp") __naked int unreachable(void *ctx) { asm volatile("r0 = 0; exit; r0 = 1; exit"); }
SEC("xdp") __naked int into_a_wide_load(void *ctx) { asm volatile("r0 = 0; goto +1; r1 = 0x100000000 ll; exit"); }
SEC("xdp") __naked int unset_register(void *ctx) { asm volatile("r0 = r5; exit"); }
SEC("xdp") __naked int register_after_call(void *ctx) { asm volatile("r3 = 1; call 5; r0 = r3; exit"); }
SEC("cgroup_skb/ingress") int skb_two(void *ctx) { return 2; }
SEC("cgroup_skb/egress") int egress_three(void *ctx) { return 3; }
SEC("cgroup_skb/egress") int egress_four(void *ctx) { return 4; }
SEC("cgroup_skb/ingress") int skb_unknown(struct __sk_buff *skb) { return skb->len; }
SEC("cgroup_skb/ingress") int skb_masked(struct __sk_buff *skb) { return skb->len & 1; }
SEC("cgroup/sock_create") int sock_two(void *ctx) { return 2; }
SEC("cgroup/bind4") int bind_three(void *ctx) { return 3; }
SEC("cgroup/bind4") int bind_four(void *ctx) { return 4; }
SEC("cgroup/connect4") int connect_two(void *ctx) { return 2; }
SEC("cgroup/getpeername4") int peer_zero(void *ctx) { return 0; }
SEC("cgroup/getpeername4") int peer_one(void *ctx) { return 1; }
SEC("cgroup/recvmsg4") int receive_zero(void *ctx) { return 0; }
SEC("cgroup/dev") int device_two(void *ctx) { return 2; }
SEC("cgroup/sysctl") int sysctl_minus_one(void *ctx) { return -1; }
SEC("cgroup/getsockopt") int option_two(void *ctx) { return 2; }
SEC("sockops") int sockops_two(void *ctx) { return 2; }
SEC("sk_lookup") int lookup_two(void *ctx) { return 2; }
SEC("sk_lookup") int lookup_one(void *ctx) { return 1; }
SEC("netfilter") int filter_two(void *ctx) { return 2; }
SEC("netfilter") int filter_one(void *ctx) { return 1; }
SEC("raw_tp/sched_switch") int raw_minus_one(void *ctx) { return -1; }
SEC("tp_btf/sched_switch") int typed_one(void *ctx) { return 1; }
SEC("tp_btf/sched_switch") int typed_zero(void *ctx) { return 0; }
SEC("iter/task") int iterate_two(void *ctx) { return 2; }
SEC("iter/task") int iterate_one(void *ctx) { return 1; }
SEC("syscall") int syscall_minus_one(void *ctx) { return -1; }
SEC("perf_event") int perf_one(void *ctx) { return 1; }
SEC("kprobe/do_nanosleep") int probe_one(void *ctx) { return 1; }
SEC("kprobe.session/do_nanosleep") int session_two(void *ctx) { return 2; }
SEC("kprobe.session/do_nanosleep") int session_one(void *ctx) { return 1; }
SEC("kprobe.multi/do_nanosleep") int multi_two(void *ctx) { return 2; }
SEC("uprobe.multi//bin/sh:main") int user_multi(void *ctx) { return 0; }
SEC("uprobe.session//bin/sh:main") int user_session_two(void *ctx) { return 2; }
SEC("uprobe") int user_probe(void *ctx) { return 0; }
SEC("sk_reuseport") int reuse_two(void *ctx) { return 2; }
SEC("flow_dissector") int dissect_two(void *ctx) { return 2; }
SEC("sk_msg") int message_two(void *ctx) { return 2; }
SEC("sk_skb/stream_parser") int parse_two(void *ctx) { return 2; }
SEC("struct_ops/nothing") int operation_of_nothing(void *ctx) { return 0; }
SEC("lwt_xmit") int tunnel_two(void *ctx) { return 2; }
SEC("tcx/egress") int tcx_minus_one(void *ctx) { return -1; }
SEC("cgroup/setsockopt") int option_minus_one(void *ctx) { return -1; }
SEC("cgroup/sendmsg_unix") int unix_two(void *ctx) { return 2; }
SEC("cgroup/sock_release") int release_zero(void *ctx) { return 0; }

/* What each type of program may read and write in its context. */
#include "common.h"
#include <linux/bpf_perf_event.h>

#define AT(ctx, type, off) (*(volatile type *)((void *)(ctx) + (off)))

SEC("xdp") int xdp_beyond(void *ctx) { return AT(ctx, u32, sizeof(struct xdp_md)); }
SEC("xdp") int xdp_half(void *ctx) { return AT(ctx, u16, 0); }
SEC("xdp") int xdp_written(struct xdp_md *ctx) { AT(ctx, u32, 12) = 1; return 0; }
SEC("xdp") int xdp_egress_index(struct xdp_md *ctx) { return ctx->egress_ifindex; }
SEC("xdp/devmap") int xdp_egress_index_allowed(struct xdp_md *ctx) { return ctx->egress_ifindex; }
SEC("xdp") int xdp_index(struct xdp_md *ctx) { return ctx->ingress_ifindex; }

SEC("tc") int tc_length_written(struct __sk_buff *skb) { skb->len = 1; return 0; }
SEC("tc") int tc_mark_written(struct __sk_buff *skb) { skb->mark = 1; return 0; }
SEC("tc") int tc_mark_written_in_part(struct __sk_buff *skb) { AT(skb, u8, offsetof(struct __sk_buff, mark)) = 1; return 0; }
SEC("tc") int tc_control_block(struct __sk_buff *skb) { skb->cb[4] = skb->cb[0] + 1; return skb->priority; }
SEC("tc") int tc_across_fields(struct __sk_buff *skb) { return AT(skb, u64, 4); }
SEC("tc") int tc_odd(struct __sk_buff *skb) { return AT(skb, u32, 2); }
SEC("tc") int tc_time(struct __sk_buff *skb) { skb->tstamp = 5; return skb->wire_len; }
SEC("tc") int tc_family(struct __sk_buff *skb) { return skb->family; }
SEC("tc") int tc_variable(struct __sk_buff *skb)
{
	u32 at = skb->len & 0xff;

	hide(at);
	return AT((void *)skb + (at & 0xfc), u32, 0);
}
SEC("tc") int tc_variable_at_32(struct __sk_buff *skb)
{
	u32 low = bpf_get_prandom_u32() & 4;
	void *at = (void *)skb + low;

	hide(at);
	return AT(at, u32, 32);
}

SEC("socket") int socket_mark(struct __sk_buff *skb) { skb->mark = 1; return 0; }
SEC("socket") int socket_class(struct __sk_buff *skb) { return skb->tc_classid; }
SEC("socket") int socket_length(struct __sk_buff *skb) { return skb->len; }

SEC("tp/sched/sched_switch") int tracepoint_read(void *ctx) { return AT(ctx, u64, 8); }
SEC("tp/sched/sched_switch") int tracepoint_written(void *ctx) { AT(ctx, u64, 8) = 0; return 0; }
SEC("tp/sched/sched_switch") int tracepoint_far(void *ctx) { return AT(ctx, u64, 9000); }
SEC("raw_tp/sched_switch") int raw_read(void *ctx) { return AT(ctx, u64, 88); }
SEC("raw_tp/sched_switch") int raw_beyond(void *ctx) { return AT(ctx, u64, 96); }
SEC("raw_tp/sched_switch") int raw_half(void *ctx) { return AT(ctx, u32, 4); }
SEC("raw_tp.w/sched_switch") int raw_writable(void *ctx) { return AT(ctx, u64, 8); }
SEC("kprobe/do_nanosleep") int registers_read(void *ctx) { return AT(ctx, u64, 160); }
SEC("kprobe/do_nanosleep") int registers_beyond(void *ctx) { return AT(ctx, u64, 168); }
SEC("kprobe/do_nanosleep") int registers_written(void *ctx) { AT(ctx, u64, 0) = 1; return 0; }
SEC("kprobe/do_nanosleep") int registers_misaligned(void *ctx) { return AT(ctx, u64, 4); }
SEC("perf_event") int perf_period(struct bpf_perf_event_data *ctx) { return ctx->sample_period + ctx->addr; }
SEC("perf_event") int perf_period_in_part(struct bpf_perf_event_data *ctx) { return AT(ctx, u16, sizeof(ctx->regs) + 2); }
SEC("perf_event") int perf_written(struct bpf_perf_event_data *ctx) { AT(ctx, u64, sizeof(ctx->regs)) = 1; return 0; }
SEC("perf_event") int perf_beyond(struct bpf_perf_event_data *ctx) { return AT(ctx, u64, sizeof(*ctx)); }

SEC("cgroup/connect4") int address_of_4(struct bpf_sock_addr *ctx) { ctx->user_ip4 = 0; return 1; }
SEC("cgroup/connect4") int address_of_6_in_4(struct bpf_sock_addr *ctx) { return ctx->user_ip6[0] & 1; }
SEC("cgroup/connect6") int address_of_6(struct bpf_sock_addr *ctx) { ctx->user_ip6[3] = 1; return ctx->user_ip6[2] & 1; }
SEC("cgroup/sendmsg4") int source_of_4(struct bpf_sock_addr *ctx) { ctx->msg_src_ip4 = 1; return 1; }
SEC("cgroup/connect4") int source_in_connect(struct bpf_sock_addr *ctx) { ctx->msg_src_ip4 = 1; return 1; }
SEC("cgroup/bind4") int family_written(struct bpf_sock_addr *ctx) { ctx->family = 1; return 1; }
SEC("cgroup/bind4") int port_in_halves(struct bpf_sock_addr *ctx) { return AT(ctx, u16, offsetof(struct bpf_sock_addr, user_port)) & 1; }
SEC("cgroup/post_bind4") int bound_port(struct bpf_sock *sk) { return sk->src_port == 80; }
SEC("cgroup/post_bind4") int bound_address_of_6(struct bpf_sock *sk) { return sk->src_ip6[0] == 80; }
SEC("cgroup/sock_create") int created_mark(struct bpf_sock *sk) { sk->mark = 1; return 1; }
SEC("cgroup/sock_create") int created_address(struct bpf_sock *sk) { return sk->src_ip4 == 1; }
SEC("cgroup/sock_create") int created_type_written(struct bpf_sock *sk) { sk->type = 1; return 1; }
SEC("sockops") int sockops_reply(struct bpf_sock_ops *ctx) { ctx->reply = ctx->op; return 1; }
SEC("sockops") int sockops_op_written(struct bpf_sock_ops *ctx) { ctx->op = 1; return 1; }
SEC("sockops") int sockops_bytes(struct bpf_sock_ops *ctx) { return ctx->bytes_acked != 0; }
SEC("sockops") int sockops_bytes_in_part(struct bpf_sock_ops *ctx) { return AT(ctx, u32, offsetof(struct bpf_sock_ops, bytes_acked)); }
SEC("sk_msg") int message_family(struct sk_msg_md *msg) { return msg->family == 2; }
SEC("sk_msg") int message_written(struct sk_msg_md *msg) { msg->size = 2; return 1; }
SEC("sk_skb/stream_parser") int parser(struct __sk_buff *skb) { return skb->len; }
SEC("sk_skb/stream_verdict") int verdict_mark(struct __sk_buff *skb) { skb->mark = 1; return 1; }
SEC("sk_skb/stream_verdict") int verdict_class(struct __sk_buff *skb) { skb->priority = 1; return skb->tc_index; }
SEC("sk_lookup") int lookup_cookie(struct bpf_sk_lookup *ctx) { return ctx->local_port == 80; }
SEC("sk_lookup") int lookup_written(struct bpf_sk_lookup *ctx) { ctx->local_port = 80; return 1; }
SEC("sk_lookup") int lookup_in_part(struct bpf_sk_lookup *ctx) { return AT(ctx, u64, offsetof(struct bpf_sk_lookup, protocol)) & 1; }
SEC("sk_reuseport") int reuse_hash(struct sk_reuseport_md *ctx) { return ctx->hash & 1; }
SEC("sk_reuseport") int reuse_written(struct sk_reuseport_md *ctx) { ctx->hash = 1; return 1; }
SEC("sk_reuseport/migrate") int reuse_migrates(struct sk_reuseport_md *ctx) { return ctx->migrating_sk != NULL; }
SEC("flow_dissector") int dissector_keys(struct __sk_buff *skb) { skb->flow_keys->thoff = 1; return 0; }
SEC("flow_dissector") int dissector_mark(struct __sk_buff *skb) { return skb->mark; }
SEC("flow_dissector") int dissector_keys_beyond(struct __sk_buff *skb) { return AT(skb->flow_keys, u32, sizeof(struct bpf_flow_keys)); }
SEC("cgroup/dev") int device_major(struct bpf_cgroup_dev_ctx *ctx) { return ctx->major == 1; }
SEC("cgroup/dev") int device_type_half(struct bpf_cgroup_dev_ctx *ctx) { return AT(ctx, u16, 0) == 1; }
SEC("cgroup/dev") int device_major_half(struct bpf_cgroup_dev_ctx *ctx) { return AT(ctx, u16, 4) == 1; }
SEC("cgroup/sysctl") int sysctl_write(struct bpf_sysctl *ctx) { ctx->file_pos = 0; return ctx->write; }
SEC("cgroup/sysctl") int sysctl_written(struct bpf_sysctl *ctx) { ctx->write = 0; return 1; }
SEC("cgroup/getsockopt") int option_value(struct bpf_sockopt *ctx) { ctx->retval = 0; return 1; }
SEC("cgroup/getsockopt") int option_level_written(struct bpf_sockopt *ctx) { ctx->level = 0; return 1; }
SEC("cgroup/setsockopt") int option_level(struct bpf_sockopt *ctx) { ctx->level = 0; return 1; }
SEC("cgroup/setsockopt") int option_return(struct bpf_sockopt *ctx) { return ctx->retval; }
SEC("cgroup/setsockopt") int option_bytes_unchecked(struct bpf_sockopt *ctx) { return *(u8 *)ctx->optval; }
SEC("cgroup/setsockopt") int option_bytes_checked(struct bpf_sockopt *ctx)
{
	u8 *bytes = ctx->optval;

	return (void *)(bytes + 1) > ctx->optval_end ? 0 : *bytes & 1;
}
SEC("lwt_in") int tunnel_mark(struct __sk_buff *skb) { return skb->mark; }
SEC("lwt_in") int tunnel_mark_written(struct __sk_buff *skb) { skb->mark = 1; return 0; }
SEC("lwt_xmit") int tunnel_priority_written(struct __sk_buff *skb) { skb->priority = 1; return 0; }
SEC("lwt_out") int tunnel_class(struct __sk_buff *skb) { return skb->tc_classid; }
SEC("lwt_seg6local") int tunnel_segment(struct __sk_buff *skb) { return skb->len; }
SEC("action") int action_class(struct __sk_buff *skb) { skb->tc_classid = 1; return 0; }
SEC("syscall") int syscall_context(void *ctx) { AT(ctx, u32, 4) = 1; return AT(ctx, u64, 8); }
SEC("syscall") int syscall_context_before(void *ctx) { return AT(ctx, u32, -4); }
SEC("netfilter") int filter_state(void *ctx) { return AT(ctx, u64, 0) != 0; }
SEC("netfilter") int filter_beyond(void *ctx) { return AT(ctx, u64, 16) != 0; }
SEC("netfilter") int filter_half(void *ctx) { return AT(ctx, u32, 0) != 0; }
SEC("tcx/ingress") int tcx_length(struct __sk_buff *skb) { return skb->len == 1; }
SEC("netkit/primary") int netkit_length_written(struct __sk_buff *skb) { skb->len = 1; return 0; }
SEC("cgroup_skb/ingress") int cgroup_mark(struct __sk_buff *skb) { skb->mark = 1; return 1; }
SEC("cgroup_skb/ingress") int cgroup_class(struct __sk_buff *skb) { return skb->tc_classid & 1; }

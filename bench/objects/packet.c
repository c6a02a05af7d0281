/* Direct packet access: bounds that are missing, too short, on the wrong side, or lost again. */
#include "common.h"
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>

#define START(ctx) ((void *)(long)(ctx)->data)
#define END(ctx) ((void *)(long)(ctx)->data_end)

SEC("xdp")
int no_check(struct xdp_md *ctx)
{
	struct ethhdr *eth = START(ctx);

	return eth->h_proto == bpf_htons(ETH_P_IP) ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int check_too_short(struct xdp_md *ctx)
{
	struct ethhdr *eth = START(ctx);
	struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(eth + 1) > END(ctx))
		return XDP_PASS;
	return ip->protocol == 17 ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int check_one_off(struct xdp_md *ctx)
{
	u8 *bytes = START(ctx);

	if ((void *)(bytes + 13) > END(ctx))
		return XDP_PASS;
	return bytes[13] ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int check_reversed(struct xdp_md *ctx)
{
	struct ethhdr *eth = START(ctx);

	if ((void *)(eth + 1) <= END(ctx))
		return XDP_PASS;
	return eth->h_source[0] ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int check_right(struct xdp_md *ctx)
{
	struct ethhdr *eth = START(ctx);
	struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(ip + 1) > END(ctx))
		return XDP_PASS;
	return eth->h_proto == bpf_htons(ETH_P_IP) && ip->ttl == 0 ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int header_length_unchecked(struct xdp_md *ctx)
{
	struct ethhdr *eth = START(ctx);
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp;

	if ((void *)(ip + 1) > END(ctx))
		return XDP_PASS;
	udp = (void *)ip + ip->ihl * 4;
	return udp->dest == bpf_htons(53) ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int header_length_checked(struct xdp_md *ctx)
{
	struct ethhdr *eth = START(ctx);
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp;

	if ((void *)(ip + 1) > END(ctx))
		return XDP_PASS;
	udp = (void *)ip + ip->ihl * 4;
	if ((void *)(udp + 1) > END(ctx))
		return XDP_PASS;
	return udp->dest == bpf_htons(53) ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int length_of_32_bits(struct xdp_md *ctx)
{
	u8 *bytes = START(ctx), *at;
	u32 skip;

	if ((void *)(bytes + 8) > END(ctx))
		return XDP_PASS;
	skip = *(u32 *)bytes;
	at = bytes + skip;
	if ((void *)(at + 1) > END(ctx))
		return XDP_PASS;
	return *at;
}

SEC("xdp")
int stale_after_adjust_head(struct xdp_md *ctx)
{
	struct ethhdr *eth = START(ctx);

	if ((void *)(eth + 1) > END(ctx))
		return XDP_PASS;
	if (bpf_xdp_adjust_head(ctx, 4))
		return XDP_ABORTED;
	return eth->h_proto ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int fresh_after_adjust_head(struct xdp_md *ctx)
{
	struct ethhdr *eth;

	if (bpf_xdp_adjust_head(ctx, 4))
		return XDP_ABORTED;
	eth = START(ctx);
	if ((void *)(eth + 1) > END(ctx))
		return XDP_PASS;
	eth->h_proto = 0;
	return XDP_TX;
}

SEC("tc")
int stale_after_pull(struct __sk_buff *skb)
{
	u8 *bytes = START(skb);

	if ((void *)(bytes + 20) > END(skb))
		return 0;
	bpf_skb_pull_data(skb, 64);
	return bytes[19];
}

SEC("tc")
int stale_after_store(struct __sk_buff *skb)
{
	u8 *bytes = START(skb);
	u32 value = 1;

	if ((void *)(bytes + 20) > END(skb))
		return 0;
	bpf_skb_store_bytes(skb, 0, &value, sizeof(value), 0);
	return bytes[0];
}

SEC("xdp")
int moved_end(struct xdp_md *ctx)
{
	void *end = END(ctx);
	u8 *bytes = START(ctx);

	end -= 1;
	hide(end);
	return (void *)bytes < end ? bytes[0] : 0;
}

SEC("xdp")
int loop_without_check(struct xdp_md *ctx)
{
	u8 *bytes = START(ctx);
	int sum = 0;

	for (int i = 0; i < 64; i++)
		sum += bytes[i];
	return sum & 3;
}

SEC("xdp")
int loop_with_checks(struct xdp_md *ctx)
{
	u8 *bytes = START(ctx);
	int sum = 0;

	for (int i = 0; i < 64; i++) {
		if ((void *)(bytes + i + 1) > END(ctx))
			break;
		sum += bytes[i];
	}
	return sum & 3;
}

SEC("cgroup_skb/ingress")
int writes_where_it_may_only_read(struct __sk_buff *skb)
{
	u8 *bytes = START(skb);

	if ((void *)(bytes + 1) > END(skb))
		return 1;
	bytes[0] = 0;
	return 1;
}

SEC("cgroup_skb/egress")
int reads_where_it_may_read(struct __sk_buff *skb)
{
	u8 *bytes = START(skb);

	if ((void *)(bytes + 40) > END(skb))
		return 1;
	return bytes[39] != 7;
}

SEC("xdp")
int meta_without_check(struct xdp_md *ctx)
{
	u32 *meta = (void *)(long)ctx->data_meta;

	return *meta;
}

SEC("xdp")
int meta_checked_against_end(struct xdp_md *ctx)
{
	u32 *meta = (void *)(long)ctx->data_meta;

	if ((void *)(meta + 1) > END(ctx))
		return 0;
	return *meta;
}

SEC("xdp")
int meta_checked_against_data(struct xdp_md *ctx)
{
	u32 *meta = (void *)(long)ctx->data_meta;

	if ((void *)(meta + 1) > START(ctx))
		return 0;
	return *meta;
}

SEC("xdp")
int range_of_a_helper(struct xdp_md *ctx)
{
	u8 *bytes = START(ctx);

	if ((void *)(bytes + 8) > END(ctx))
		return 0;
	return bpf_csum_diff((void *)bytes, 12, NULL, 0, 0);
}

SEC("socket")
int direct_in_a_socket_filter(struct __sk_buff *skb)
{
	u8 *bytes = START(skb);

	return (void *)(bytes + 1) > END(skb) ? 0 : bytes[0];
}

// Calls a model from C: the Transformer of the sample payload-ids scores the first bytes of every TCP
// and UDP payload, and a packet whose probability of an attack is 0.9 or more is dropped. eBPF has no
// floating point: scores are integers, and the compiler turns the threshold into their units.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "payload-ids.h"

// ln(0.9 / 0.1): the lead of one of two scores at which softmax gives it 0.9.
#define LEAD PAYLOAD_IDS_FIXED(2.1972246)

// Token of what the payload is too short for.
#define PAD 256

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} verdicts SEC(".maps");

struct vlan_tag {
	__be16 tag;
	__be16 next;
};

// Where the payload of a TCP or UDP packet begins, behind `data`; 0 for other packets and for fragments.
static __always_inline __u32 payload_offset(void *data, void *data_end)
{
	struct ethhdr *eth = data;
	__u32 at = sizeof(*eth);

	if (data + at > data_end)
		return 0;
	__be16 type = eth->h_proto;

	for (int i = 0; i < 2 && (type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD)); i++) {
		struct vlan_tag *vlan = data + at;

		if ((void *)(vlan + 1) > data_end)
			return 0;
		type = vlan->next;
		at += sizeof(*vlan);
	}
	struct iphdr *ip = data + at;
	struct ipv6hdr *ip6 = data + at;
	__u8 protocol;

	if ((void *)(ip + 1) > data_end)
		return 0;
	if (type == bpf_htons(ETH_P_IP)) {
		if (ip->ihl < 5 || (ip->frag_off & bpf_htons(0x3fff)))
			return 0;
		at += ip->ihl * 4;
		protocol = ip->protocol;
	} else {
		if (type != bpf_htons(ETH_P_IPV6) || (void *)(ip6 + 1) > data_end)
			return 0;
		at += sizeof(*ip6);
		protocol = ip6->nexthdr;
	}
	if (protocol == IPPROTO_UDP)
		return at + sizeof(struct udphdr);
	struct tcphdr *tcp = data + at;

	if (protocol != IPPROTO_TCP || (void *)(tcp + 1) > data_end || tcp->doff < 5)
		return 0;
	return at + tcp->doff * 4;
}

SEC("xdp")
int run_classifier_on_packet(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	__u32 at = payload_offset(data, data_end);

	if (at == 0 || data + at >= data_end)
		return XDP_PASS;
	payload_ids_padded(data + at, data_end, PAD);
	__u32 dropped = payload_ids_score(1) - payload_ids_score(0) >= LEAD;
	__u64 *count = bpf_map_lookup_elem(&verdicts, &dropped);

	if (count)
		*count += 1;
	return dropped ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";

/*
 * Control on the host, matrices on the device: an XDP program in Linux reads requests off the wire, decides which are served, and hands them to the
 * accelerator's driver through a ring buffer.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define REQUEST_PORT 7070
#define REQUEST_MAGIC 0x42464143 /* "BFAC" */
#define MOST_INPUT 256

/* What follows the UDP header, in network order; `bytes` of input behind it. */
struct wire_request {
  __be32 magic;
  __be32 tenant;
  __be32 request_high;
  __be32 request_low;
  __be16 tokens;
  __be16 bytes;
} __attribute__((packed));

/* What the driver takes out of the ring buffer; src/hooks/accelerator/requests.ts reads the same. */
struct request {
  __u64 request;
  __u64 arrived_ns;
  __u32 tenant;
  __u16 tokens;
  __u16 bytes;
  __u8 input[MOST_INPUT];
};

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 18);
} requests SEC(".maps");

/* Tokens that a tenant may still ask for; a tenant without an entry is not served. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1024);
  __type(key, __u32);
  __type(value, __u64);
} credit SEC(".maps");

enum answer { HANDED_OVER, MALFORMED, NO_CREDIT, NO_ROOM };

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, __u64);
} answers SEC(".maps");

static __always_inline int answer(__u32 which)
{
  __u64 *count = bpf_map_lookup_elem(&answers, &which);

  if (count)
    (*count)++;
  return XDP_DROP;
}

SEC("xdp")
int host_control(struct xdp_md *ctx)
{
  void *data = (void *)(long)ctx->data;
  void *end = (void *)(long)ctx->data_end;
  struct ethhdr *eth = data;
  struct iphdr *ip = (void *)(eth + 1);
  struct udphdr *udp = (void *)(ip + 1);
  struct wire_request *wire = (void *)(udp + 1);
  struct request *request;
  __u64 *left;
  __u32 tenant, bytes, tokens;
  __u32 at = sizeof(*eth) + sizeof(*ip) + sizeof(*udp) + sizeof(*wire);

  if ((void *)(udp + 1) > end)
    return XDP_PASS;
  if (eth->h_proto != bpf_htons(ETH_P_IP) || ip->protocol != IPPROTO_UDP || ip->ihl != 5 || udp->dest != bpf_htons(REQUEST_PORT))
    return XDP_PASS;
  if ((void *)(wire + 1) > end || wire->magic != bpf_htonl(REQUEST_MAGIC))
    return answer(MALFORMED);
  tenant = bpf_ntohl(wire->tenant);
  tokens = bpf_ntohs(wire->tokens);
  bytes = bpf_ntohs(wire->bytes);
  if (tokens == 0 || bytes == 0 || bytes > MOST_INPUT)
    return answer(MALFORMED);

  left = bpf_map_lookup_elem(&credit, &tenant);
  if (!left || *left < tokens)
    return answer(NO_CREDIT);
  request = bpf_ringbuf_reserve(&requests, sizeof(*request), 0);
  if (!request)
    return answer(NO_ROOM);
  __builtin_memset(request, 0, sizeof(*request));
  request->request = (__u64)bpf_ntohl(wire->request_high) << 32 | bpf_ntohl(wire->request_low);
  request->arrived_ns = bpf_ktime_get_ns();
  request->tenant = tenant;
  request->tokens = tokens;
  request->bytes = bytes;
  /* The same number once more: the verifier does not remember that it is not 0. */
  barrier_var(bytes);
  bytes = ((bytes - 1) & (MOST_INPUT - 1)) + 1;
  if (bpf_xdp_load_bytes(ctx, at, request->input, bytes)) {
    bpf_ringbuf_discard(request, 0);
    return answer(MALFORMED);
  }
  __sync_fetch_and_sub(left, tokens);
  bpf_ringbuf_submit(request, 0);
  return answer(HANDED_OVER);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";

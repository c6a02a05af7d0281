/* Maps and packet loads from the time before BTF: iproute2's section, and loads relative to the packet. */
#define LICENCE "Dual BSD/GPL"
#include "common.h"

unsigned long long load_byte(void *skb, unsigned long long off) asm("llvm.bpf.load.byte");
unsigned long long load_half(void *skb, unsigned long long off) asm("llvm.bpf.load.half");

SEC("socket") int byte_of_the_packet(struct __sk_buff *skb) { return load_byte(skb, 23) == 6 ? -1 : 0; }
SEC("socket") int byte_at_an_offset(struct __sk_buff *skb) { return load_byte(skb, 14 + (skb->len & 15)); }
SEC("classifier") int half_in_a_classifier(struct __sk_buff *skb) { return load_half(skb, 12); }
SEC("xdp") int byte_in_xdp(struct __sk_buff *skb) { return load_byte(skb, 0); }
SEC("kprobe/do_nanosleep") int byte_in_a_probe(struct __sk_buff *skb) { return load_byte(skb, 0); }
SEC("socket/tail") int byte_after_a_call(struct __sk_buff *skb) { bpf_get_prandom_u32(); return load_byte(skb, 1); }

// All kinds of global data, static and visible, at offsets other than 0.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

const volatile int threshold = 5;
static const volatile unsigned short table[4] = {1, 20, 300, 4000};
int weights[8] = {3, 1, 4, 1, 5, 9, 2, 6};
static int offset = 17;
long total;
static long seen[3];
int tuned[4] SEC(".data.tuned") = {7, 8, 9, 10};
const volatile char mode[3] SEC(".rodata.mode") = {1, 2, 3};

SEC("tc")
int score(struct __sk_buff *skb) {
  int sum = offset;
  for (int i = 0; i < 8; i++) sum += weights[i] * table[i & 3];
  if (sum > threshold) total += sum;
  seen[skb->len & 1]++;
  tuned[skb->len & 3] += mode[1];
  const char fmt[] = "sum %d";
  bpf_trace_printk(fmt, sizeof(fmt), sum);
  return sum & 1;
}

char _license[] SEC("license") = "Dual BSD/GPL";

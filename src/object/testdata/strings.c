// String constants, a switch and structures in constant data.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct rule {
  unsigned short port;
  char verdict;
};
static const volatile struct rule rules[] = {{80, 2}, {443, 2}, {23, 1}, {3306, 1}};

SEC("tc")
int match(struct __sk_buff *skb) {
  for (int i = 0; i < 4; i++)
    if (rules[i].port == skb->mark) {
      bpf_printk("rule %d says %d", i, rules[i].verdict);
      return rules[i].verdict;
    }
  switch (skb->protocol) {
    case 0x0608: return 0;
    case 0xdd86: return 2;
    case 0x0008: return 3;
  }
  char name[8] = "packet";
  return name[skb->len & 7];
}

char _license[] SEC("license") = "GPL";

const guard = (name: string, body: string, includes: readonly string[] = ['linux/types.h']): string => {
  const macro = `__BPFORMER_${name.toUpperCase()}_H__`;
  return [`#ifndef ${macro}`, `#define ${macro}`, ...includes.map((file) => `#include <${file}>`), body.trim(), '#endif', ''].join('\n');
};

/** Layouts of packet headers (RFC 791, 8200, 9293, 768, 792; IEEE 802.3 and 802.1Q) under the names that Linux gives their fields. */
export const NETWORK_HEADERS: Readonly<Record<string, string>> = {
  'if_ether.h': guard(
    'if_ether',
    `
#define ETH_ALEN 6
#define ETH_HLEN 14
#define ETH_ZLEN 60
#define ETH_DATA_LEN 1500
#define ETH_FRAME_LEN 1514
#define ETH_P_LOOP 0x0060
#define ETH_P_IP 0x0800
#define ETH_P_ARP 0x0806
#define ETH_P_8021Q 0x8100
#define ETH_P_IPV6 0x86DD
#define ETH_P_MPLS_UC 0x8847
#define ETH_P_MPLS_MC 0x8848
#define ETH_P_8021AD 0x88A8
#define ETH_P_ALL 0x0003
struct ethhdr {
  unsigned char h_dest[ETH_ALEN];
  unsigned char h_source[ETH_ALEN];
  __be16 h_proto;
} __attribute__((packed));
`,
  ),
  // Linux gives programs no layout of the tag: they bring their own `struct vlan_hdr`.
  'if_vlan.h': guard(
    'if_vlan',
    `
#define VLAN_VID_MASK 0x0fff
#define VLAN_CFI_MASK 0x1000
#define VLAN_PRIO_MASK 0xe000
#define VLAN_PRIO_SHIFT 13`,
    ['linux/if_ether.h'],
  ),
  'in.h': guard(
    'in',
    `
enum {
  IPPROTO_IP = 0, IPPROTO_ICMP = 1, IPPROTO_IGMP = 2, IPPROTO_IPIP = 4, IPPROTO_TCP = 6, IPPROTO_EGP = 8, IPPROTO_UDP = 17,
  IPPROTO_DCCP = 33, IPPROTO_IPV6 = 41, IPPROTO_GRE = 47, IPPROTO_ESP = 50, IPPROTO_AH = 51, IPPROTO_SCTP = 132,
  IPPROTO_UDPLITE = 136, IPPROTO_RAW = 255
};
#define IPPROTO_HOPOPTS 0
#define IPPROTO_ROUTING 43
#define IPPROTO_FRAGMENT 44
#define IPPROTO_ICMPV6 58
#define IPPROTO_NONE 59
#define IPPROTO_DSTOPTS 60
#ifndef AF_INET
#define AF_UNSPEC 0
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#endif
struct in_addr { __be32 s_addr; };`,
  ),
  'ip.h': guard(
    'ip',
    `
struct iphdr {
  __u8 ihl : 4, version : 4;
  __u8 tos;
  __be16 tot_len;
  __be16 id;
  __be16 frag_off;
  __u8 ttl;
  __u8 protocol;
  __sum16 check;
  __be32 saddr;
  __be32 daddr;
};
#define IP_CE 0x8000
#define IP_DF 0x4000
#define IP_MF 0x2000
#define IP_OFFSET 0x1FFF`,
  ),
  'ipv6.h': guard(
    'ipv6',
    `
struct in6_addr {
  union { __u8 u6_addr8[16]; __be16 u6_addr16[8]; __be32 u6_addr32[4]; } in6_u;
};
#define s6_addr in6_u.u6_addr8
#define s6_addr16 in6_u.u6_addr16
#define s6_addr32 in6_u.u6_addr32
struct ipv6hdr {
  __u8 priority : 4, version : 4;
  __u8 flow_lbl[3];
  __be16 payload_len;
  __u8 nexthdr;
  __u8 hop_limit;
  struct in6_addr saddr;
  struct in6_addr daddr;
};
struct ipv6_opt_hdr { __u8 nexthdr; __u8 hdrlen; } __attribute__((packed));`,
  ),
  'tcp.h': guard(
    'tcp',
    `
struct tcphdr {
  __be16 source;
  __be16 dest;
  __be32 seq;
  __be32 ack_seq;
  __u16 ae : 1, res1 : 3, doff : 4, fin : 1, syn : 1, rst : 1, psh : 1, ack : 1, urg : 1, ece : 1, cwr : 1;
  __be16 window;
  __sum16 check;
  __be16 urg_ptr;
};`,
  ),
  'udp.h': guard(
    'udp',
    `
struct udphdr {
  __be16 source;
  __be16 dest;
  __be16 len;
  __sum16 check;
};`,
  ),
  'icmp.h': guard(
    'icmp',
    `
#define ICMP_ECHOREPLY 0
#define ICMP_DEST_UNREACH 3
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11
struct icmphdr {
  __u8 type;
  __u8 code;
  __sum16 checksum;
  union {
    struct { __be16 id; __be16 sequence; } echo;
    __be32 gateway;
    struct { __be16 unused; __be16 mtu; } frag;
    __u8 reserved[4];
  } un;
};`,
  ),
  'icmpv6.h': guard(
    'icmpv6',
    `
#define ICMPV6_ECHO_REQUEST 128
#define ICMPV6_ECHO_REPLY 129
struct icmp6hdr {
  __u8 icmp6_type;
  __u8 icmp6_code;
  __sum16 icmp6_cksum;
  union { __be32 un_data32[1]; __be16 un_data16[2]; __u8 un_data8[4]; } icmp6_dataun;
};`,
  ),
  'if_packet.h': guard(
    'if_packet',
    `
#define PACKET_HOST 0
#define PACKET_BROADCAST 1
#define PACKET_MULTICAST 2
#define PACKET_OTHERHOST 3
#define PACKET_OUTGOING 4`,
  ),
  'pkt_cls.h': guard(
    'pkt_cls',
    `
#define TC_ACT_UNSPEC (-1)
#define TC_ACT_OK 0
#define TC_ACT_RECLASSIFY 1
#define TC_ACT_SHOT 2
#define TC_ACT_PIPE 3
#define TC_ACT_STOLEN 4
#define TC_ACT_QUEUED 5
#define TC_ACT_REPEAT 6
#define TC_ACT_REDIRECT 7
#define TC_ACT_TRAP 8`,
  ),
  'errno.h': guard(
    'errno',
    `
#define EPERM 1
#define ENOENT 2
#define EINTR 4
#define EIO 5
#define E2BIG 7
#define EAGAIN 11
#define ENOMEM 12
#define EACCES 13
#define EFAULT 14
#define EBUSY 16
#define EEXIST 17
#define ENODEV 19
#define EINVAL 22
#define ENOSPC 28
#define ERANGE 34
#define EPROTO 71
#define EBADMSG 74
#define EOVERFLOW 75
#define EALREADY 114
#define EDQUOT 122
#define ENOKEY 126
#define EKEYREVOKED 128
#define EKEYREJECTED 129
#define ENOTSUPP 524`,
    [],
  ),
};

/** Registers of x86-64 as the kernel keeps them at a probe. */
export const PTRACE_H = guard(
  'ptrace',
  `
struct pt_regs {
  unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
typedef struct pt_regs bpf_user_pt_regs_t;`,
  [],
);

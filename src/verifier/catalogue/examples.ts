/**
 * The smallest rejected programs of the catalogue with their repairs, as one text: lines that begin with `-` stand in the rejected program alone, those with `+` in the
 * repaired one alone. Which message a program gives is not written here: `catalogue.kernel.test.ts` asks our verifier and the kernel.
 */
const CHECK = 'if r0 == 0 goto out';

const lookup = (map = 'values', keySlot = -8): string => `*(u64 *)(r10 ${keySlot}) = 0
r2 = r10
r2 += ${keySlot}
r1 = map[${map}]
call bpf_map_lookup_elem`;

const VALUES = '.map values hash 8 48 4';
const LOCK = '.map locked array 4 16 1 lock=0';
const OUT = 'out:\nr0 = 0\nexit';
const SOCKET = `*(u64 *)(r10 -8) = 0
*(u32 *)(r10 -16) = 0
*(u64 *)(r10 -24) = 0
r2 = r10
r2 += -24
r3 = 12
r4 = 0
r5 = 0
call bpf_sk_lookup_tcp`;

export const EXAMPLES: readonly string[] = [
  // The context
  `.section xdp\n-r0 = *(u64 *)(r1 +0)\n+r0 = *(u32 *)(r1 +0)\n+r0 = 2\nexit`,
  `.section tc\n-r1 += 8\n-r0 = *(u32 *)(r1 +0)\n+r0 = *(u32 *)(r1 +8)\nexit`,
  `.section tc\n-r1 += -8\n-r0 = *(u32 *)(r1 +8)\n+r0 = *(u32 *)(r1 +0)\nexit`,
  `.section tc\nr2 = *(u32 *)(r1 +0)\n-r2 &= 4\n-r1 += r2\n-r0 = *(u32 *)(r1 +0)\n+r0 = *(u32 *)(r1 +4)\nexit`,
  `.section tc\n-r1 += 536870912\n r0 = *(u32 *)(r1 +0)\nexit`,
  `.section tc\nr2 = 1\n-lock *(u32 *)(r1 +8) += r2\n+*(u32 *)(r1 +8) = r2\nr0 = 0\nexit`,
  `.section tc\n-r0 = load_acquire((u32 *)(r1 +8))\n+r0 = *(u32 *)(r1 +8)\nexit`,
  `.section raw_tracepoint.w/x\nr0 = 0\nr6 = *(u64 *)(r1 +0)\n-r0 = *(u64 *)(r6 -8)\n+r0 = *(u64 *)(r6 +0)\nr0 = 0\nexit`,
  `.section raw_tracepoint.w/x\nr6 = *(u64 *)(r1 +0)\nr2 = *(u32 *)(r6 +0)\n-r6 += r2\nr0 = *(u64 *)(r6 +0)\nr0 = 0\nexit`,
  // Packets
  `.section xdp\nr2 = *(u32 *)(r1 +0)\nr3 = *(u32 *)(r1 +4)\n+r4 = r2\n+r4 += 1\n+if r4 > r3 goto out\nr0 = *(u8 *)(r2 +0)\nout:\nr0 = 2\nexit`,
  `.section flow_dissector\nr2 = *(u32 *)(r1 +76)\nr3 = *(u32 *)(r1 +80)\nr4 = r2\nr4 += 1\nif r4 > r3 goto out\n-*(u8 *)(r2 +0) = 0\n+r0 = *(u8 *)(r2 +0)\nout:\nr0 = 0\nexit`,
  `.section xdp\nr2 = *(u32 *)(r1 +0)\nr3 = *(u32 *)(r1 +4)\nr4 = r2\nr4 += 8\nif r4 > r3 goto out\nr5 = 1\n-lock *(u64 *)(r2 +0) += r5\n+*(u64 *)(r2 +0) = r5\nout:\nr0 = 2\nexit`,
  `.section xdp\nr2 = *(u32 *)(r1 +0)\nr3 = *(u32 *)(r1 +4)\nr4 = r2\nr4 += 8\nif r4 > r3 goto out\n-r0 = load_acquire((u64 *)(r2 +0))\n+r0 = *(u64 *)(r2 +0)\nout:\nr0 = 2\nexit`,
  `.section xdp\nr2 = *(u32 *)(r1 +0)\nr3 = *(u32 *)(r1 +4)\n-r3 += -8\n+r4 = r2\n+r4 += 8\n+if r4 > r3 goto out\nout:\nr0 = 2\nexit`,
  `.section xdp\nr3 = *(u32 *)(r1 +4)\n-r0 = *(u8 *)(r3 +0)\nr0 = 2\nexit`,
  `.section xdp\nr2 = *(u32 *)(r1 +0)\nr3 = *(u64 *)(r10 -8)\n-r2 += r3\n+r3 &= 255\n+r2 += r3\nr0 = 2\nexit`,
  `.section flow_dissector\nr2 = *(u64 *)(r1 +144)\n-r0 = *(u32 *)(r2 +200)\n+r0 = *(u16 *)(r2 +0)\nr0 = 0\nexit`,
  `.section flow_dissector\nr2 = *(u64 *)(r1 +144)\nr3 = *(u64 *)(r10 -8)\nr3 &= 7\n-r2 += r3\nr0 = *(u16 *)(r2 +0)\nr0 = 0\nexit`,
  `.section flow_dissector\nr2 = *(u64 *)(r1 +144)\nr3 = 1\n-lock *(u64 *)(r2 +0) += r3\n+*(u16 *)(r2 +0) = r3\nr0 = 0\nexit`,
  `.section flow_dissector\nr2 = *(u64 *)(r1 +144)\n-r0 = load_acquire((u16 *)(r2 +0))\n+r0 = *(u16 *)(r2 +0)\nr0 = 0\nexit`,
  `.section xdp\n.map values hash 8 48 4\nr2 = *(u32 *)(r1 +4)\nr1 = map[values]\n-call bpf_map_lookup_elem\n+*(u64 *)(r10 -8) = 0\n+r2 = r10\n+r2 += -8\n+call bpf_map_lookup_elem\nr0 = 2\nexit`,
  `.section xdp\nr2 = *(u32 *)(r1 +0)\nr3 = *(u32 *)(r1 +4)\nr4 = r2\nr4 += 8\nif r4 > r3 goto out\n+r1 = *(u64 *)(r2 +0)\n+*(u64 *)(r10 -8) = r1\n-r1 = r2\n+r1 = r10\n+r1 += -8\nr2 = 8\ncall bpf_trace_printk\nout:\nr0 = 2\nexit`,
  // Numbers as pointers, pointers that may be null
  `.section xdp\n-r2 = 4096\n+r2 = r10\n+*(u64 *)(r10 -8) = 0\n-r0 = *(u64 *)(r2 +0)\n+r0 = *(u64 *)(r2 -8)\nr0 = 2\nexit`,
  `.section xdp\n${VALUES}\n${lookup()}\n+${CHECK}\nr0 = *(u64 *)(r0 +0)\n${OUT}`,
  `.section xdp\n${VALUES}\n${lookup()}\n+${CHECK}\nr0 += 8\n${OUT}`,
  `.section xdp\n${VALUES}\n${lookup()}\n+${CHECK}\nr1 = r0\n-call bpf_map_lookup_elem\n${OUT}`,
  `.section xdp\n.map rb ringbuf 0 0 4096\nr1 = map[rb]\nr2 = 8\nr3 = 0\ncall bpf_ringbuf_reserve\n-r0 += 4\n${CHECK}\nr1 = r0\nr2 = 0\ncall bpf_ringbuf_discard\n${OUT}`,
  `.section tc\nr2 = *(u64 *)(r1 +168)\n+if r2 == 0 goto out\nr0 = *(u32 *)(r2 +4)\n${OUT}`,
  `.section tc\nr1 = *(u64 *)(r1 +168)\nif r1 == 0 goto out\ncall bpf_sk_fullsock\n+${CHECK}\nr0 = *(u32 *)(r0 +4)\n${OUT}`,
  `.section tc\nr1 = *(u64 *)(r1 +168)\nif r1 == 0 goto out\ncall bpf_tcp_sock\n+${CHECK}\nr0 = *(u32 *)(r0 +0)\n${OUT}`,
  `.section tc\nr1 = *(u64 *)(r1 +168)\nif r1 == 0 goto out\ncall bpf_sk_fullsock\n-r0 += 4\n${CHECK}\n${OUT}`,
  `.section tc\nr1 = *(u64 *)(r1 +168)\nif r1 == 0 goto out\ncall bpf_sk_fullsock\n${CHECK}\n-r0 += 4\n-r0 = *(u32 *)(r0 +0)\n+r0 = *(u32 *)(r0 +4)\n${OUT}`,
  `.section tc\nr1 = *(u64 *)(r1 +168)\n+if r1 == 0 goto out\ncall bpf_sk_fullsock\n${OUT}`,
  `.section tc\nr1 = *(u64 *)(r1 +168)\nif r1 == 0 goto out\n-r0 = *(u32 *)(r1 +200)\n+r0 = *(u32 *)(r1 +4)\n${OUT}`,
  `.section tc\nr1 = *(u64 *)(r1 +168)\nif r1 == 0 goto out\ncall bpf_sk_fullsock\n${CHECK}\n-r0 = *(u32 *)(r0 +200)\n+r0 = *(u32 *)(r0 +4)\n${OUT}`,
  `.section tc\nr1 = *(u64 *)(r1 +168)\nif r1 == 0 goto out\ncall bpf_tcp_sock\n${CHECK}\n-r0 = *(u32 *)(r0 +200)\n+r0 = *(u32 *)(r0 +0)\n${OUT}`,
  `.section tc\nr1 = *(u64 *)(r1 +168)\nif r1 == 0 goto out\ncall bpf_sk_fullsock\n${CHECK}\n-*(u32 *)(r0 +4) = 1\n+r0 = *(u32 *)(r0 +4)\n${OUT}`,
  `.section tc\nr1 = *(u64 *)(r1 +168)\nif r1 == 0 goto out\n-r0 = load_acquire((u32 *)(r1 +4))\n+r0 = *(u32 *)(r1 +4)\n${OUT}`,
  `.section tc\n-r1 = 0\n+r1 = *(u64 *)(r1 +168)\n+if r1 == 0 goto out\ncall bpf_sk_fullsock\n${OUT}`,
  `.section tc\n+r1 = *(u64 *)(r1 +168)\n+if r1 == 0 goto out\ncall bpf_sk_fullsock\n${OUT}`,
  `.section tc\nr1 = *(u64 *)(r1 +168)\n+if r1 == 0 goto out\n+call bpf_sk_fullsock\n+${CHECK}\n-call bpf_sk_release\n${OUT}`,
  // References
  `.section tc\n${SOCKET}\n+${CHECK}\n+r1 = r0\n+call bpf_sk_release\n${OUT}`,
  `.section tc\nr1 = *(u64 *)(r1 +168)\nif r1 == 0 goto out\n-call bpf_sk_release\n${OUT}`,
  `.section tc\n.map jumps prog_array 4 4 1\nr7 = r1\n${SOCKET}\n${CHECK}\nr6 = r0\n+r1 = r6\n+call bpf_sk_release\nr1 = r7\nr2 = map[jumps]\nr3 = 0\ncall bpf_tail_call\n-r1 = r6\n-call bpf_sk_release\n${OUT}`,
  `.section tc\nr7 = r1\n${SOCKET}\n${CHECK}\nr8 = r0\n-r6 = r7\n-r0 = *(u8 *)skb[0]\nr1 = r8\ncall bpf_sk_release\n+r6 = r7\n+r0 = *(u8 *)skb[0]\n${OUT}`,
  `.section xdp\n.map rb ringbuf 0 0 4096\nr1 = map[rb]\nr2 = 8\nr3 = 0\ncall bpf_ringbuf_reserve\n${CHECK}\nr1 = r0\n-r1 += 4\nr2 = 0\ncall bpf_ringbuf_submit\n${OUT}`,
  // Ranges
  `.section xdp\n${VALUES}\n${lookup()}\n${CHECK}\nr1 = *(u8 *)(r0 +0)\n+r1 &= 31\nr0 += r1\nr0 = *(u8 *)(r0 +0)\n${OUT}`,
  `.section xdp\n${VALUES}\n${lookup()}\n${CHECK}\n-r0 = *(u64 *)(r0 +48)\n+r0 = *(u64 *)(r0 +40)\n${OUT}`,
  `.section xdp\n${VALUES}\n${lookup()}\n${CHECK}\nr1 = *(u64 *)(r0 +0)\nif r1 s> 40 goto out\n+if r1 s< 0 goto out\nr0 += r1\nr0 = *(u8 *)(r0 +0)\n${OUT}`,
  `.section xdp\n${VALUES}\n${lookup()}\n${CHECK}\nr1 = *(u8 *)(r0 +0)\nr1 &= 31\n-r1 -= 8\nr0 += r1\nr0 = *(u8 *)(r0 +0)\n${OUT}`,
  `.section xdp\n${VALUES}\n${lookup()}\n${CHECK}\nr1 = *(u8 *)(r0 +0)\nr1 &= 31\n-r1 <<= 28\nr0 += r1\nr0 = *(u8 *)(r0 +0)\n${OUT}`,
  `.section xdp\n${VALUES}\n${lookup()}\n${CHECK}\n-r0 += 536870912\nr0 = *(u8 *)(r0 +0)\n${OUT}`,
  `.section xdp\n${VALUES}\n${lookup()}\n${CHECK}\n-r0 += 268435456\n-r0 += 268435456\n-r0 += 268435456\nr0 = *(u8 *)(r0 +0)\n${OUT}`,
  `.section xdp\n${VALUES}\n${lookup()}\n${CHECK}\n-w0 += 1\n${OUT}`,
  `.section xdp\n${VALUES}\n${lookup()}\n${CHECK}\n-r0 /= 2\n${OUT}`,
  `.section xdp\n${VALUES}\n${lookup()}\n${CHECK}\n-r0 &= -8\n${OUT}`,
  `.section xdp\n${VALUES}\n${lookup()}\n${CHECK}\nr1 = r0\n-r1 += r0\n+r1 += 8\n${OUT}`,
  `.section xdp\n${VALUES}\n${lookup()}\n${CHECK}\nr1 = 8\n-r1 -= r0\n+r0 += r1\n${OUT}`,
  `.section xdp\n${VALUES}\nr1 = map[values]\n-r1 += 8\nr0 = 2\nexit`,
  // Sizes for helpers
  `.section tc\nr2 = 0\nr3 = r10\nr3 += -16\nr4 = *(u32 *)(r1 +0)\n+r4 &= 7\n+r4 += 1\ncall bpf_skb_load_bytes\nr0 = 0\nexit`,
  `.section kprobe/x\nr6 = *(u64 *)(r1 +112)\nr1 = r10\nr1 += -16\nr2 = r6\n-if r2 s> 16 goto out\n+r2 &= 15\nr3 = 0\ncall bpf_probe_read_kernel\n${OUT}`,
  `.section xdp\nr1 = r10\nr1 += -8\n-r2 = 16\n+r2 = 8\n+*(u64 *)(r10 -8) = 0\nr3 = 0\nr4 = 0\nr5 = 0\ncall bpf_csum_diff\nr0 = 2\nexit`,
  // Stack and registers
  `.section xdp\n-r0 = r5\n+r0 = 2\nexit`,
  `.section xdp\n-*(u64 *)(r10 -520) = 1\n+*(u64 *)(r10 -512) = 1\nr0 = 2\nexit`,
  `.section xdp\n-*(u32 *)(r10 -6) = 1\n+*(u32 *)(r10 -8) = 1\nr0 = 2\nexit`,
  `.section xdp\nr2 = *(u32 *)(r1 +12)\nr2 &= 15\n-r2 += -24\n+r2 += -32\nr3 = r10\nr3 += r2\n*(u64 *)(r10 -8) = 0\n-*(u64 *)(r3 +8) = 0\n+*(u8 *)(r3 +0) = 0\nr0 = 2\nexit`,
  `.section xdp\n*(u64 *)(r10 -8) = 0\nr2 = *(u32 *)(r1 +12)\n-r2 &= 15\n+r2 &= 7\nr2 += -8\nr3 = r10\nr3 += r2\nr0 = *(u8 *)(r3 +0)\nr0 = 2\nexit`,
  `.section xdp\nr2 = *(u32 *)(r1 +12)\n+r2 &= 7\n+r2 += -8\nr3 = r10\nr3 += r2\n*(u8 *)(r3 +0) = 0\nr0 = 2\nexit`,
  `.section xdp\n*(u64 *)(r10 -8) = 0\nr2 = *(u64 *)(r10 -8)\nr3 = r10\n-r3 += 536870912\n+r3 += -8\n*(u8 *)(r3 +0) = 0\nr0 = 2\nexit`,
  `.section kprobe/x\nr2 = *(u64 *)(r1 +112)\nr3 = r10\n-r3 += r2\n+r2 &= 7\n+r3 += -8\n+r3 += r2\nr0 = 0\nexit`,
  `.section xdp\nr2 = *(u32 *)(r1 +12)\nr3 = r10\n-r3 -= r2\n+r3 += -8\nr0 = 2\nexit`,
  `.section xdp\n*(u64 *)(r10 -8) = r1\n-r2 = *(u32 *)(r10 -8)\n+r2 = *(u64 *)(r10 -8)\nr0 = 2\nexit`,
  `.section xdp\n-*(u32 *)(r10 -8) = r1\n+*(u64 *)(r10 -8) = r1\nr0 = 2\nexit`,
  `.section xdp\n-r10 = 0\nr0 = 2\nexit`,
  `.section xdp\n-.insn 0xbf 0 12 0 0\n+r0 = 2\nexit`,
  // Calls
  `.section xdp\n-call bpf_get_current_comm\n+call bpf_ktime_get_ns\nr0 = 2\nexit`,
  `.section tc\n-call bpf_xdp_adjust_head\n+call bpf_ktime_get_ns\nr0 = 0\nexit`,
  `.section xdp\n-.insn 0x85 0 0 0 9999\n+call bpf_ktime_get_ns\nr0 = 2\nexit`,
  `.section xdp\n.map jumps prog_array 4 4 1\n+.map values hash 8 48 4\n*(u64 *)(r10 -8) = 0\nr2 = r10\nr2 += -8\n-r1 = map[jumps]\n+r1 = map[values]\ncall bpf_map_lookup_elem\nr0 = 2\nexit`,
  `.section xdp\n.map values hash 8 48 4\n+.map jumps prog_array 4 4 1\n-r2 = map[values]\n+r2 = map[jumps]\nr3 = 0\ncall bpf_tail_call\nr0 = 2\nexit`,
  `.section xdp\n-r1 = 0\n+r1 = map[values]\n.map values hash 8 48 4\n*(u64 *)(r10 -8) = 0\nr2 = r10\nr2 += -8\ncall bpf_map_lookup_elem\nr0 = 2\nexit`,
  `.section xdp\n.map values hash 8 48 4\nr1 = map[values]\n-r2 = 0\n+*(u64 *)(r10 -8) = 0\n+r2 = r10\n+r2 += -8\ncall bpf_map_lookup_elem\nr0 = 2\nexit`,
  `.section tc\n-r1 = 0\nr2 = 0\ncall bpf_skb_change_type\nr0 = 0\nexit`,
  `.section tc\n-r1 = r10\nr2 = 0\ncall bpf_skb_change_type\nr0 = 0\nexit`,
  `.section xdp\n.map rb ringbuf 0 0 4096\n-call helper\n+r0 = 2\nexit\n-.func helper static\n-r0 = r10\n-exit`,
  `.section xdp\nr1 = r10\nr1 += -8\n*(u64 *)(r10 -8) = 0\ncall helper\nr0 = 2\nexit\n.func helper static\nr2 = r10\n-*(u64 *)(r1 +0) = r2\n+*(u64 *)(r1 +0) = 7\nr0 = 0\nexit`,
  `.section xdp\ncall f1\nr0 = 2\nexit\n${Array.from(
    { length: 8 },
    (_, i) => `.func f${i + 1} static\n${i === 7 ? 'r0 = 0' : i === 6 ? '-call f8\n+r0 = 0' : `call f${i + 2}`}\nexit`,
  )
    .join('\n')
    .replace('.func f8 static\nr0 = 0\nexit', '-.func f8 static\n-r0 = 0\n-exit')}`,
  `.section xdp\n-*(u64 *)(r10 -304) = 0\n+*(u64 *)(r10 -8) = 0\ncall inner\nr0 = 2\nexit\n.func inner static\n*(u64 *)(r10 -304) = 0\nr0 = 0\nexit`,
  `.section xdp\n-.insn 0x85 0 1 0 100\n+r0 = 2\nexit`,
  `.section xdp\n-.insn 0x85 1 0 0 5\n+call bpf_ktime_get_ns\nr0 = 2\nexit`,
  `.section xdp\n-call kfunc bpf_task_from_pid\n+r0 = 2\nexit`,
  `.section kprobe/x\n-r1 = 1\n-call kfunc bpf_task_from_pid\nr0 = 0\nexit`,
  // Locks and sections
  `.section tc\n${LOCK}\n*(u32 *)(r10 -4) = 0\nr2 = r10\nr2 += -4\nr1 = map[locked]\ncall bpf_map_lookup_elem\n${CHECK}\nr6 = r0\nr1 = r6\ncall bpf_spin_lock\n+r1 = r6\n+call bpf_spin_unlock\n${OUT}`,
  `.section tc\n${LOCK}\n*(u32 *)(r10 -4) = 0\nr2 = r10\nr2 += -4\nr1 = map[locked]\ncall bpf_map_lookup_elem\n${CHECK}\nr6 = r0\nr1 = r6\ncall bpf_spin_lock\n-call bpf_ktime_get_ns\nr1 = r6\ncall bpf_spin_unlock\n${OUT}`,
  `.section tc\n${LOCK}\n*(u32 *)(r10 -4) = 0\nr2 = r10\nr2 += -4\nr1 = map[locked]\ncall bpf_map_lookup_elem\n${CHECK}\nr6 = r0\n+r1 = r6\n+call bpf_spin_lock\nr1 = r6\ncall bpf_spin_unlock\n${OUT}`,
  `.section tc\n${LOCK}\n*(u32 *)(r10 -4) = 0\nr2 = r10\nr2 += -4\nr1 = map[locked]\ncall bpf_map_lookup_elem\n${CHECK}\n-r0 = *(u32 *)(r0 +0)\n+r0 = *(u32 *)(r0 +4)\n${OUT}`,
  `.section tc\n${LOCK}\nr7 = r1\n*(u32 *)(r10 -4) = 0\nr2 = r10\nr2 += -4\nr1 = map[locked]\ncall bpf_map_lookup_elem\n${CHECK}\nr8 = r0\nr1 = r8\ncall bpf_spin_lock\n-r6 = r7\n-r0 = *(u8 *)skb[0]\nr1 = r8\ncall bpf_spin_unlock\n+r6 = r7\n+r0 = *(u8 *)skb[0]\n${OUT}`,
  `.section tc\n${LOCK}\n.map other array 4 16 1 lock=0\n*(u32 *)(r10 -4) = 0\nr2 = r10\nr2 += -4\nr1 = map[locked]\ncall bpf_map_lookup_elem\n${CHECK}\nr6 = r0\nr2 = r10\nr2 += -4\nr1 = map[other]\ncall bpf_map_lookup_elem\n${CHECK}\nr7 = r0\nr1 = r6\ncall bpf_spin_lock\n-r1 = r7\n+r1 = r6\ncall bpf_spin_unlock\n${OUT}`,
  `.section kprobe/x\n${LOCK}\n-r1 = map[locked]\nr0 = 0\nexit`,
  // Results
  `.section cgroup_skb/ingress\n-r0 = 9\n+r0 = 1\nexit`,
  `.section cgroup_skb/ingress\n-r0 = r1\n+r0 = 1\nexit`,
  `.section cgroup/sock_create\nr0 = *(u64 *)(r10 -8)\n+r0 = 1\nexit`,
  // Flow and encodings
  `.section xdp\n-goto pc+5\nr0 = 2\nexit`,
  `.section xdp\nr0 = 2\n+exit`,
  `.section xdp\nr0 = 2\nexit\n-r0 = 1\n-exit`,
  `.section xdp\nr0 = 0\nturn:\n-if r0 == 0 goto turn\n+r0 += 1\n+if r0 < 9 goto turn\nexit`,
  `.section xdp\n-if r1 == 0 goto pc+1\nr0 = 5 ll\nexit`,
  `.section xdp\n-.insn 0xff 0 0 0 0\nr0 = 2\nexit`,
  `.section xdp\n-.insn 0xb7 0 0 1 2\n+r0 = 2\nexit`,
  `.section xdp\n-.insn 0x61 0 1 0 1\n+r0 = *(u32 *)(r1 +0)\nr0 = 2\nexit`,
  `.section xdp\n-.insn 0x18 0 0 1 2\n-.insn 0 0 0 0 0\n+r0 = 2\nexit`,
  `.section xdp\n-.insn 0x18 0 0 0 2\n-.insn 0 1 0 0 0\n+r0 = 2\nexit`,
  `.section xdp\n-.insn 0x18 0 9 0 2\n-.insn 0 0 0 0 0\n+r0 = 2\nexit`,
  `.section xdp\nr0 = 2\n-r0 /= 0\n+r0 /= 2\nexit`,
  `.section xdp\nr0 = 2\n-.insn 0xdc 0 0 0 7\n+r0 = be16 r0\nexit`,
  `.section xdp\nr0 = 2\n-r0 <<= 65\n+r0 <<= 1\nexit`,
  `.section tc\nr6 = r1\ncall look\nexit\n.func look static -> void\n-r0 = *(u8 *)skb[0]\n+r0 = 0\nexit`,
  `.section xdp\n.map sizes array 4 8 1\n-r1 = map_value[sizes]+16\n+r1 = map_value[sizes]+0\nr0 = *(u8 *)(r1 +0)\nr0 = 2\nexit`,
  `.section xdp\n.map sizes array 4 8 1\n-r1 = map_value[sizes]+536870912\n+r1 = map_value[sizes]+0\nr0 = *(u8 *)(r1 +0)\nr0 = 2\nexit`,
  `.section xdp\n.map sizes array 4 8 1\nr1 = map[sizes]\n-r0 = *(u32 *)(r1 -4)\n+r0 = *(u32 *)(r1 +24)\nr0 = 2\nexit`,
  `.section xdp\n.map sizes array 4 8 1\nr1 = map[sizes]\n-*(u32 *)(r1 +24) = 0\n+r0 = *(u32 *)(r1 +24)\nr0 = 2\nexit`,
  `.section xdp\n.map sizes array 4 8 1 0x100\nr1 = map_value[sizes]+0\nr0 = 1\n-r0 = *(u32 *)(r1 +0)\n+*(u32 *)(r1 +0) = r0\nr0 = 2\nexit`,
  `.section xdp\n.map sizes array 4 8 1 0x80\nr1 = map_value[sizes]+0\n-*(u32 *)(r1 +0) = 1\n+r0 = *(u32 *)(r1 +0)\nr0 = 2\nexit`,
  // Paths that meet
  `.section tc\nr6 = r1\n*(u64 *)(r10 -8) = 0\nr7 = r10\nr7 += -8\nr2 = *(u32 *)(r1 +0)\nr3 = r6\nif r2 == 0 goto use\n-r3 = r7\nuse:\nr0 = *(u32 *)(r3 +0)\nr0 = 0\nexit`,
  // Dynptrs and iterators
  `.section xdp\n-r1 = r10\n-r1 += -8\n-*(u64 *)(r10 -8) = 0\n-call kfunc bpf_iter_num_next\nr0 = 2\nexit`,
  `.section xdp\n-r1 = r10\n-r1 += -8\n-*(u64 *)(r10 -8) = 0\n-call kfunc bpf_iter_bits_next\nr0 = 2\nexit`,
  `.section xdp\n-.sleepable\nr0 = 2\nexit`,
  `.section tracepoint/x\n.flags 1\n-r0 = *(u64 *)(r1 +4)\n+r0 = *(u64 *)(r1 +8)\nr0 = 0\nexit`,
  `.section xdp\n.flags 1\n${VALUES}\n${lookup()}\n${CHECK}\n-r0 = *(u32 *)(r0 +2)\n+r0 = *(u32 *)(r0 +4)\n${OUT}`,
  `.section tc\n-r1 = 0\n+r1 = *(u64 *)(r1 +168)\n+if r1 == 0 goto out\ncall bpf_skc_to_tcp_sock\n${OUT}`,
  `.section tc\n+r1 = *(u64 *)(r1 +168)\n+if r1 == 0 goto out\ncall bpf_skc_to_tcp_sock\n${OUT}`,
  `.section tc\nr1 = *(u64 *)(r1 +168)\nif r1 == 0 goto out\ncall bpf_sk_fullsock\n+${CHECK}\nr1 = r0\ncall bpf_skc_to_tcp_sock\n${OUT}`,
  `.section xdp\n-.insn 0x07 0 0 1 2\n+r0 = 2\nexit`,
  `.section xdp\nr0 = 0\nturn:\n${'r0 += 1\n'.repeat(30)}-if r0 < 1000000 goto turn\n+if r0 < 1000 goto turn\nexit`,
  `.section kprobe/x\nr2 = *(u64 *)(r1 +112)\nr1 = r10\nr1 += -16\nif r2 s< 0 goto out\n+if r2 s> 16 goto out\nr3 = 0\ncall bpf_probe_read_kernel\n${OUT}`,
  `.section xdp\nr2 = 0\nif r2 == 0 goto skip\n-call f1\nskip:\nr0 = 2\nexit\n${Array.from({ length: 8 }, (_, i) => `-.func f${i + 1} static\n${i === 7 ? '-r0 = 0' : `-call f${i + 2}`}\n-exit`).join('\n')}`,
  `.section xdp\n-r1 = 0\n-r2 = 0\n-r3 = 0\n-r4 = 0\n-r5 = 0\n-call kfunc bpf_arena_alloc_pages\nr0 = 2\nexit`,
  `.section tc\nr2 = *(u64 *)(r10 -8)\n-r1 += r2\nr0 = 0\nexit`,
  `.section xdp\nr2 = *(u32 *)(r1 +12)\n-r2 &= 63\n+r2 &= 31\nr3 = r10\nr3 += -32\nr3 += r2\n*(u8 *)(r3 +0) = 0\nr0 = 2\nexit`,
  `.section xdp\nr1 = 1\nr2 = func[turn]\n-r3 = 5\n+r3 = 0\nr4 = 0\ncall bpf_loop\nr0 = 2\nexit\n.func turn static\nr0 = 0\nexit`,
  `.section xdp\nr1 = 1\nr2 = func[turn]\nr3 = 0\nr4 = 0\ncall bpf_loop\nr0 = 2\nexit\n.func turn static\n-r0 = 5\n+r0 = 0\nexit`,
  `.section tc\nr1 = 1\ncall kfunc bpf_task_from_pid\n+${CHECK}\n-r0 = *(u32 *)(r0 +0)\n+r6 = *(u32 *)(r0 +0)\nr1 = r0\ncall kfunc bpf_task_release\n${OUT}`,
  `.section syscall\nr1 = 1\ncall kfunc bpf_task_from_pid\n${CHECK}\n-*(u64 *)(r0 +0) = 1\nr1 = r0\ncall kfunc bpf_task_release\n${OUT}`,
  `.section xdp\n-call kfunc __bpf_trap\nr0 = 2\nexit`,
  `.section xdp\n-r1 = 5\n+r1 = r10\n+r1 += -8\n+*(u64 *)(r10 -8) = 0\ncall add\nr0 = 2\nexit\n.func add global (mem:8) -> scalar\nr0 = 0\nexit`,
  `.section xdp\n.map array array 4 64 1\nr7 = map_value[array]\ncall bpf_get_prandom_u32\n-w0 |= -64\n+r0 &= 63\nr7 += r0\nr0 = 2\nexit`,
  `.section xdp\n-.insn 0x85 0 2 0 0\nr0 = 2\nexit`,
  `.section xdp\n-call kfunc bpf_preempt_disable\nr0 = 2\nexit`,
  `.section tc\ncall kfunc bpf_rcu_read_lock\n+call kfunc bpf_rcu_read_unlock\nr0 = 0\nexit`,
  // The simulated accelerator, which is no kernel: its verifier alone judges these
  `.section accelerator/dispatch\n-*(u32 *)(r1 +176) = 1\n+*(u32 *)(r1 +204) = 1\nr0 = 0\nexit`,
  `.section accelerator/submit\n-r2 = 0\n-r3 = 1\n-call kfunc accel_tensor_sign\n+r2 = 7\n+call kfunc accel_set_priority\nr0 = 0\nexit`,
  `.section accelerator/token\n-call bpf_get_current_pid_tgid\n+call bpf_ktime_get_ns\nr0 = 0\nexit`,
  `.section accelerator/complete\nr1 = r10\n-r1 += -1024\n+r1 += -8\nr2 = 0\nr3 = 4\ncall kfunc bpf_iter_num_new\nr1 = r10\n-r1 += -1024\n+r1 += -8\ncall kfunc bpf_iter_num_destroy\nr0 = 0\nexit`,
];

import { describe, expect, it } from 'vitest';
import { disassemble } from '../bpf/listing.ts';
import { verify } from '../verifier/verify.ts';
import { Vm } from '../vm/vm.ts';
import { compileC } from './compile.ts';
import { VALIDATE } from './testdata/validate.ts';

const PACKET = `
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include <stddef.h>
_Static_assert(sizeof(struct __sk_buff) == 192 && offsetof(struct __sk_buff, tstamp) == 152, "__sk_buff");
_Static_assert(sizeof(struct bpf_sock_ops) == 224 && sizeof(struct bpf_sock_addr) == 72 && sizeof(struct bpf_sock) == 80, "socket contexts");
_Static_assert(sizeof(struct bpf_fib_lookup) == 64 && sizeof(struct bpf_tunnel_key) == 44 && sizeof(struct bpf_sk_lookup) == 72, "arguments");
_Static_assert(sizeof(struct sk_msg_md) == 80 && sizeof(struct sk_reuseport_md) == 56 && sizeof(struct pt_regs) == 168, "other contexts");
_Static_assert(sizeof(struct tcphdr) == 20 && sizeof(struct iphdr) == 20 && sizeof(struct ipv6hdr) == 40 && sizeof(struct ethhdr) == 14, "packets");
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1024);
  __type(key, __u32);
  __type(value, __u64);
} flows SEC(".maps");
const volatile int limit = 7;
int seen;
static __noinline int port(struct tcphdr *tcp) { return bpf_ntohs(tcp->dest); }
SEC("xdp") int filter(struct xdp_md *ctx)
{
  void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  struct ethhdr *eth = data;
  if ((void *)(eth + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  struct iphdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > end) return XDP_PASS;
  struct tcphdr *tcp = (void *)ip + ip->ihl * 4;
  if ((void *)(tcp + 1) > end) return XDP_DROP;
  __u32 key = ip->saddr;
  __u64 one = 1, *count = bpf_map_lookup_elem(&flows, &key);
  if (count) __sync_fetch_and_add(count, 1);
  else bpf_map_update_elem(&flows, &key, &one, BPF_ANY);
  seen++;
  return port(tcp) < limit ? XDP_DROP : XDP_PASS;
}
char LICENSE[] SEC("license") = "GPL";
`;

/** The article's snippet, completed where it is pseudo-code; scores are fractions of 2^16. */
const CLASSIFIER = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#define FIXED(x) ((int)((x) * 65536))
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1024);
  __type(key, u32);
  __type(value, int);
} model_weights SEC(".maps");
static int perform_inference(void *data, void *data_end)
{
  int score = 0;
  __u8 *bytes = data;
  if (data + 4 > data_end) return 0;
  __u32 key = 0;
  int *weight = bpf_map_lookup_elem(&model_weights, &key);
  if (!weight) return 0;
  for (int i = 0; i < 4; i++) score += bytes[i] * *weight;
  return score;
}
SEC("xdp")
int run_transformer_on_packet(struct xdp_md *ctx)
{
  void *data = (void *)(long)ctx->data;
  void *data_end = (void *)(long)ctx->data_end;
  int score = perform_inference(data, data_end);
  if (score > FIXED(0.9)) {
    return XDP_DROP;
  }
  return XDP_PASS;
}
char LICENSE[] SEC("license") = "GPL";
`;

const ASSEMBLY = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
SEC("xdp") int f(struct xdp_md *ctx)
{
  __u8 *data = (void *)(long)ctx->data;
  if (data + 14 > (__u8 *)(long)ctx->data_end) return 0;
  unsigned long a = data[0], b = data[1];
  asm volatile("if %0 <= %[max] goto +1\\n%0 = %[max]" : "+r"(a) : [max] "i"(100));
  asm volatile("r1 = %[b]; r1 += %[b]; %[out] = r1" : [out] "=r"(b) : [b] "r"(b) : "r1");
  asm volatile("" : "+r"(a), "+r"(b));
  return a + b + 7;
}
char LICENSE[] SEC("license") = "GPL";
`;

/** One WebAssembly module serves the whole file: the first call takes seconds. */
describe('C', { timeout: 120_000 }, () => {
  it.each(['v1', 'v2', 'v3', 'v4'] as const)('compiles a packet program for %s, which verifies', async (cpu) => {
    const { programs, diagnostics } = await compileC(PACKET, { fileName: 'filter.c', cpu });
    expect(diagnostics).toEqual([]);
    const [program] = programs;
    expect(program).toMatchObject({ name: 'filter', section: 'xdp', license: 'GPL' });
    expect(program!.maps.map(({ name }) => name)).toEqual(expect.arrayContaining(['flows', 'filter.rodata', 'filter.bss']));
    expect(program!.subprogs.map(({ name, linkage }) => `${linkage} ${name}`)).toEqual(['global filter', 'static port']);
    expect(program!.lineInfo.some(({ file, text }) => file === 'filter.c' && text.includes('seen++'))).toBe(true);
    expect(verify(program!, { kernel: '6.18', privilege: 'root', logLevel: 0 })).toMatchObject({ accepted: true, message: null });
  });

  it('gives clang’s messages with their places', async () => {
    const { object, diagnostics } = await compileC('int f(void)\n{\n  return y;\n}\n', { fileName: 'bad.c' });
    expect(object).toBeNull();
    expect(diagnostics).toEqual([{ severity: 'error', file: 'bad.c', line: 3, column: 10, message: "use of undeclared identifier 'y'" }]);
  });

  it('refuses floating point with its line and says what to do', async () => {
    const source =
      '#include <linux/bpf.h>\nfloat score;\n__attribute__((section("xdp"), used)) int classify(struct xdp_md *c) {\n  if (score > 0.9)\n    return XDP_DROP;\n  return XDP_PASS;\n}\n';
    const { object, diagnostics } = await compileC(source, { fileName: 'classifier.c' });
    expect(object).toBeNull();
    expect(diagnostics).toHaveLength(1);
    expect(diagnostics[0]).toMatchObject({ severity: 'error', file: 'classifier.c', line: 4 });
    expect(diagnostics[0]!.message).toMatch(/floating point.*fixed point/);
  });

  it('refuses what nests deeper than the compiler’s stack, and quotes the beginning of what is long', async () => {
    for (const source of ['{'.repeat(100_000), `int f(void) { return ${'('.repeat(20_000)}1${')'.repeat(20_000)}; }`]) {
      const { object, diagnostics } = await compileC(source, { fileName: 'deep.c' });
      expect(object).toBeNull();
      const errors = diagnostics.filter(({ severity }) => severity === 'error');
      expect(errors.at(-1)).toMatchObject({ file: 'deep.c' });
      expect(errors.at(-1)!.message).toMatch(/nest/);
    }
    const { diagnostics } = await compileC(`#include <${'long/'.repeat(5000)}x.h>`, { fileName: 'long.c' });
    expect(diagnostics[0]).toMatchObject({ file: 'long.c', line: 1 });
    expect(diagnostics[0]!.message.length).toBeLessThan(700);
  });

  it('compiles the classifier in fixed point: a score above 0.9 drops the packet', async () => {
    const { programs, diagnostics } = await compileC(CLASSIFIER, { fileName: 'classifier.c' });
    expect(diagnostics).toEqual([]);
    const [program] = programs;
    expect(verify(program!, { kernel: '6.18', privilege: 'root', logLevel: 0 }).message).toBeNull();
    const vm = new Vm(program!, { engine: 'interp' });
    const weights = new Uint8Array(4);
    new DataView(weights.buffer).setInt32(0, 1 << 14, true);
    const packet = (first: number): Uint8Array => Uint8Array.from({ length: 64 }, (_, at) => (at < 4 ? first : 0));
    // Bytes of 0 … 3 count a quarter each: 4 / 4 is above the threshold, 3 / 4 below.
    expect(vm.runXdp(packet(1)).returnValue).toBe(2);
    vm.maps.get('model_weights')!.update(new Uint8Array(4), weights);
    expect(vm.runXdp(packet(1)).returnValue).toBe(1);
    expect(vm.runXdp(Uint8Array.from({ length: 64 }, (_, at) => (at < 3 ? 1 : 0))).returnValue).toBe(2);
  });

  it('takes programs on system calls, and ones that bring their own VLAN header', async () => {
    const source = `
#include <linux/bpf.h>
#include <linux/if_vlan.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
struct vlan_hdr { __be16 tci, proto; };
struct how { __u64 flags, mode; };
__u64 seen[2];
SEC("ksyscall/openat2")
int BPF_KSYSCALL(opens, int dfd, const char *path, struct how *how) {
  seen[0] += dfd;
  seen[1] += BPF_PROBE_READ_USER(how, flags) & VLAN_VID_MASK;
  return sizeof(struct vlan_hdr);
}
char LICENSE[] SEC("license") = "GPL";
`;
    const { programs, diagnostics } = await compileC(source, { fileName: 'opens.c' });
    expect(diagnostics).toEqual([]);
    expect(verify(programs[0]!, { kernel: '6.18', privilege: 'root', logLevel: 0 }).message).toBeNull();
    expect(disassemble(programs[0]!).match(/bpf_probe_read_kernel/g)).toHaveLength(3);
  });

  it('reads from an address that is a number, however far it is aligned', async () => {
    const { diagnostics, object } = await compileC(
      '#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\nSEC("xdp") int x(struct xdp_md *ctx) { return *(volatile int *)0x4d435500000000ul; }',
    );
    expect([diagnostics, object !== null]).toEqual([[], true]);
  });

  it('compiles the check of a tensor’s first dimension', async () => {
    const { programs, diagnostics } = await compileC(VALIDATE, { fileName: 'validate.c' });
    expect(diagnostics).toEqual([]);
    expect(verify(programs[0]!, { kernel: '6.18', privilege: 'root', logLevel: 0 }).message).toBeNull();
    const text = disassemble(programs[0]!);
    expect(text).toMatch(/if w\d > (4096|0x1000)|if w\d < (4097|0x1001)/);
  });

  it('gives inline assembly the registers of its operands', async () => {
    const { programs, diagnostics } = await compileC(ASSEMBLY, { fileName: 'assembly.c' });
    expect(diagnostics).toEqual([]);
    const vm = new Vm(programs[0]!, { engine: 'interp' });
    const packet = new Uint8Array(64);
    packet[0] = 200;
    packet[1] = 3;
    expect(vm.runXdp(packet).returnValue).toBe(100 + 3 * 2 + 7);
  });
});

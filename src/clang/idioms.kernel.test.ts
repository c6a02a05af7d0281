import { afterAll, describe, expect, test } from 'vitest';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { programBtf } from '../object/program-btf.ts';
import { verify } from '../verifier/verify.ts';
import { Vm } from '../vm/vm.ts';
import { compileC } from './compile.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const HEAD = '#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n#include "bpf_experimental.h"\n#include <string.h>\n';
const LICENCE = '\nchar LICENSE[] SEC("license") = "GPL";\n';
const xdp = (body: string, before = ''): string => `${HEAD}${before}\nSEC("xdp") int f(struct xdp_md *ctx) { ${body} }${LICENCE}`;

/** All in one source, because reading headers is what takes time: `@` in names becomes a number of their own. */
const together = (idioms: readonly (readonly [string, string, string, number])[]): string =>
  `${HEAD}${idioms
    .map(([, body, before], at) => `${before}\nSEC("xdp") int f@(struct xdp_md *ctx) { ${body} }\n`.replaceAll('@', String(at)))
    .join('')}${LICENCE}`;

async function compiled(source: string, cpu: 'v3' | 'v4' = 'v3') {
  const made = await compileC(source, { cpu });
  expect(made.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  return made;
}

/** How people write BPF programs: body, what stands before it, and what it gives on a packet of zeros. */
const IDIOMS: readonly (readonly [name: string, body: string, before: string, result: number])[] = [
  [
    'memcmp that orders',
    'return memcmp(a@, b@, 16) < 0 ? 5 + (memcmp(b@ + 6, a@ + 6, 2) > 0) : 1;',
    'char a@[16] = "hello world", b@[16] = "hello xorld";',
    6,
  ],
  [
    'memcmp that asks for equality',
    'char l[8] = "hello"; return (memcmp(a@, l, 5) == 0) + 2 * (memcmp(a@, l, 8) == 0) + 4 * !memcmp(a@, a@, 16);',
    'char a@[16] = "hello world";',
    5,
  ],
  ['can_loop', 'int s = 0; for (int i = 0; i < n@ && can_loop; i++) s += i; return s;', 'int n@ = 100;', 4950],
  ['cond_break', 'int s = 0; for (int i = 0;; i++) { if (i == n@) break; s += 2; cond_break; } return s;', 'int n@ = 40;', 80],
  [
    'may_goto as bytes',
    `int s = 0; for (;;) { if (s >= n@) break; s++;
     ({ __label__ out, on; asm volatile goto("1:.byte 0xe5; .byte 0; .long ((%l[out] - 1b - 8) / 8) & 0xffff; .short 0" :::: out); goto on; out: break; on:; }); } return s;`,
    'int n@ = 9;',
    9,
  ],
  [
    'memory barriers',
    'n@++; __sync_synchronize(); n@ += 2; __atomic_signal_fence(__ATOMIC_SEQ_CST); barrier(); __atomic_thread_fence(__ATOMIC_ACQ_REL); return n@;',
    'int n@ = 4;',
    7,
  ],
  ['bpf_printk with many arguments', 'bpf_printk("%d %d", 1, 2); bpf_printk("%d %d %d %llu %s", 1, 2, 3, 4ull, "five"); return 3;', '', 3],
  [
    'inline assembly',
    `void *data, *end; __u32 v; asm volatile("%0 = *(u32 *)(%1 + 0)" : "=r"(data) : "r"(ctx));
     asm volatile("%[e] = *(u32 *)(%[c] + %[o])" : [e]"=r"(end) : [c]"r"(ctx), [o]"i"(4)); if (data + 8 > end) return 0;
     asm volatile("%0 = *(u8 *)(%1 + 3)\\n\\t%0 += 7" : "=r"(v) : "r"(data)); return v;`,
    '',
    7,
  ],
  [
    'weak, hidden and static functions',
    'return a@(2) + b@(2) + c@(3) + d@(4);',
    `static __noinline int a@(int x) { return x * 3; } __noinline int b@(int x) { return x + 1; }
     __weak int c@(int x) { return x - 1; } __hidden int d@(int x) { return x ^ 5; }`,
    12,
  ],
];

describe.skipIf(!kernel)('C as people write it', () => {
  test('gives the same in the kernel and in our engine', async () => {
    const { programs } = await compiled(together(IDIOMS));
    expect(programs).toHaveLength(IDIOMS.length);
    for (const [at, [name, , , result]] of IDIOMS.entries()) {
      const program = programs.find((each) => each.name === `f${at}`)!;
      expect(verify(program, { kernel: '6.18', privilege: 'root', logLevel: 0 }).message, name).toBeNull();
      const loaded = await kernel!.load(program, { btf: programBtf(program) });
      expect(loaded.message, `${name}: ${loaded.log.slice(-1500)}`).toBeNull();
      const packet = new Uint8Array(64);
      expect([name, (await loaded.program!.testRun(packet)).returnValue, new Vm(program).runXdp(packet).returnValue]).toEqual([
        name,
        result,
        result,
      ]);
    }
  }, 300_000);

  test('libbpf puts programs and maps into maps that name them (values = { … })', async () => {
    const { object } = await compiled(`${HEAD}
struct inner { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, int); __type(value, int); } one SEC(".maps"), two SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 2); __type(key, int); __array(values, struct inner); } outer SEC(".maps") = { .values = { [1] = &two } };
struct stages { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 3); __uint(key_size, 4); __array(values, int (void *)); };
extern struct stages jumps;
SEC("xdp") int entry(struct xdp_md *ctx) { int k = 1, z = 0, none = 0; void *m = bpf_map_lookup_elem(&outer, &k); if (!m || bpf_map_lookup_elem(&outer, &none)) return 0; int *v = bpf_map_lookup_elem(m, &z); if (!v) return 4; *v += 3; bpf_tail_call_static(ctx, &jumps, 2); return *v; }
SEC("xdp") int stage(struct xdp_md *ctx) { int z = 0; int *v = bpf_map_lookup_elem(&two, &z); return v ? 20 + *v : 1; }
struct stages jumps SEC(".maps") = { .values = { [2] = (void *)&stage } };
${LICENCE}`);
    const loaded = await kernel!.loadObject(object!);
    expect(loaded.program, loaded.output.slice(-2000)).not.toBeNull();
    // Linux empties an array of programs when bpftool, which filled it, ends: the tail call goes on, with what the inner map holds.
    expect(loaded.output).toContain("map 'jumps': slot [2] set to prog 'stage'");
    expect((await loaded.program!.testRun(new Uint8Array(64))).returnValue).toBe(3);
  }, 120_000);

  test('what BPF cannot do is refused at its line', async () => {
    const message = async (source: string) => (await compileC(source)).diagnostics.find(({ severity }) => severity === 'error')?.message;
    expect(await message(xdp('if (p) *p = 3; return 0;', 'int __attribute__((address_space(1))) *p;'))).toContain(
      'address space 1 (arenas) are not supported',
    );
    expect(await message(xdp('asm goto("if %0 > 3 goto %l[out]" :: "r"(ctx->rx_queue_index) :: out); return 1; out: return 2;'))).toContain(
      'asm goto',
    );
    expect(
      await message(
        xdp(
          'int (*fn)(int) = ctx->rx_queue_index ? a : b; return fn(3);',
          'static int a(int x) { return x; } static int b(int x) { return 2 * x; }',
        ),
      ),
    ).toContain('called through a variable');
  });
});

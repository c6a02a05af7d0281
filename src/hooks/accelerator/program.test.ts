import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { compileC } from '../../clang/compile.ts';
import { encodeContext, readWrites } from './context.ts';
import { loadHookProgram, loadHookPrograms } from './program.ts';
import { commandOf, momentOf, servicesOf } from './testing/commands.ts';

const ARTICLE = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <gaudi.h>
SEC("gaudi/validate_tensor")
int validate(struct bpf_context *ctx) {
if (ctx->tensor.dim[0] > 4096) return -1;
return 0;
}
`;

/** 48,000 bytes on the stack of one function, 16,000 and 8,000 on those of two. */
const LARGE = `
#include <accelerator.h>
SEC("accelerator/submit")
int wide(struct bpf_context *ctx) {
  __u32 words[12000];
  __u32 *from = words + 9000;
  for (int i = 0; i < 3000; i++) from[i] = i * ctx->layer;
  __u8 digest[32];
  if (accel_sha256(from, 12000, digest, sizeof digest)) return -EIO;
  __u32 at = ctx->seq;
  ctx->priority = at < 3000 ? from[at] : 0;
  ctx->key = digest[0] | digest[31] << 8;
  return 0;
}
static __noinline __u64 inner(__u64 *v, __u32 n) {
  __u64 own[1000], sum = 0;
  for (int i = 0; i < 200; i++) own[i] = v[i] + n;
  for (int i = 0; i < 200; i++) sum += own[i] * i;
  return sum;
}
SEC("accelerator/submit")
int calls(struct bpf_context *ctx) {
  __u64 v[2000];
  for (int i = 0; i < 200; i++) { v[i] = ctx->seq ^ i; v[1000 + i] = ctx->seq ^ (1000 + i); }
  ctx->priority = inner(v, ctx->layer) + inner(v + 1000, ctx->token);
  return 0;
}
SEC("accelerator/submit")
int fresh(struct bpf_context *ctx) {
  volatile __u32 words[4000];
  __u32 at = ctx->seq & 2047, before = words[at];
  words[at] = 7;
  ctx->priority = before;
  return 0;
}
`;

function expectedOfCalls(seq: number, layer: number, token: number): number {
  let sum = 0n;
  for (let i = 0; i < 200; i++) sum += BigInt((seq ^ i) + layer) * BigInt(i) + BigInt((seq ^ (i + 1000)) + token) * BigInt(i);
  return Number(BigInt.asUintN(32, sum));
}

describe('programs on the accelerator', () => {
  it('may use 64 KiB of stack, with the same results in both engines', async () => {
    const { programs, diagnostics } = await compileC(LARGE);
    expect(diagnostics).toEqual([]);
    const words = Uint32Array.from({ length: 3000 }, (_, i) => i * 4);
    const digest = createHash('sha256').update(new Uint8Array(words.buffer)).digest();
    for (const engine of ['interp', 'wasm'] as const) {
      const [wide, calls, fresh] = programs.map((program) => loadHookProgram(program, { engine }));
      const run = (loaded: typeof wide) => {
        const result = loaded!.run(encodeContext(commandOf(4, { seq: 1234 }), momentOf('submit')), servicesOf());
        return { ...readWrites(result.context), returnValue: result.returnValue, calls: result.calls };
      };
      expect(run(wide)).toEqual({
        priority: 1234 * 4,
        key: digest[0]! | (digest[31]! << 8),
        deferNs: 0,
        returnValue: 0,
        calls: new Map([['accel_sha256', { calls: 1, bytes: 12_000 }]]),
      });
      expect(run(calls).priority).toBe(expectedOfCalls(1234, 4, 1));
      // Each run begins with a stack of zeros.
      expect([run(fresh).priority, run(fresh).priority]).toEqual([0, 0]);
    }
  }, 60_000);

  it('are refused with the verifier’s words', async () => {
    const refused = async (section: string, body: string): Promise<() => unknown> => {
      const source = `#include <accelerator.h>\nSEC("${section}") int f(struct bpf_context *ctx) { ${body} }`;
      const { programs, diagnostics } = await compileC(source);
      expect(diagnostics).toEqual([]);
      return () => loadHookProgram(programs[0]!);
    };
    expect(await refused('accelerator/complete', 'ctx->priority = 1; return 0;')).toThrow('in accelerator/complete programs');
    expect(await refused('accelerator/submit', 'return accel_tensor_sign(ctx, 0, 1);')).toThrow(
      'calling kernel function accel_tensor_sign is not allowed in accelerator/submit programs',
    );
    expect(await refused('accelerator/telemetry', 'return -1;')).toThrow('should have been in [0, 0]');
    expect(await refused('xdp', 'return 2;')).toThrow('section xdp is none of the accelerator');
  }, 60_000);

  it.each(['interp', 'wasm'] as const)(
    'passes 4,096 and refuses 4,097 as the article says, by %s',
    async (engine) => {
      const { programs, diagnostics } = await compileC(ARTICLE);
      expect(diagnostics).toEqual([]);
      const loaded = loadHookProgram(programs[0]!, { engine });
      expect([loaded.hook, loaded.engine]).toEqual(['validate_tensor', engine]);
      const answers = [4096, 4097].map(
        (dim) => loaded.run(encodeContext(commandOf(dim), momentOf('validate_tensor')), servicesOf()).returnValue,
      );
      expect(answers).toEqual([0, -1]);
    },
    60_000,
  );
});

const TOGETHER = `
#include <linux/bpf.h>
#include <accelerator.h>
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, __u64);
} count SEC(".maps");
static __noinline int add(__u64 much)
{
  __u32 zero = 0;
  __u64 *value = bpf_map_lookup_elem(&count, &zero);
  if (value)
    *value += much;
  return value ? *value & 0xfff : 0;
}
SEC("accelerator/submit")
int one(struct bpf_context *ctx) { return -add(1); }
SEC("accelerator/complete")
int ten(struct bpf_context *ctx)
{
  __u8 digest[32];
  int error = accel_tensor_sha256(ctx, 0, digest, sizeof(digest));
  add(10);
  return error;
}
`;

describe('programs of one object', () => {
  it.each(['interp', 'wasm'] as const)(
    'share their maps, and hand on what functions of the device answer, by %s',
    async (engine) => {
      const { programs, diagnostics } = await compileC(TOGETHER);
      expect(diagnostics).toEqual([]);
      const [one, ten] = loadHookPrograms(programs, { engine });
      expect([one!.hook, ten!.hook, ten!.engine]).toEqual(['submit', 'complete', engine]);
      const submit = () => one!.run(encodeContext(commandOf(1), momentOf('submit')), servicesOf()).returnValue;
      const complete = () => ten!.run(encodeContext(commandOf(1), momentOf('complete')), servicesOf()).returnValue;
      expect([submit(), complete(), submit(), complete()]).toEqual([-1, -22, -12, -22]);
      expect([...ten!.maps.get('count').lookup(new Uint8Array(4))!]).toEqual([22, 0, 0, 0, 0, 0, 0, 0]);
    },
    60_000,
  );
});

import { describe, expect, it } from 'vitest';
import { compileC } from '../../clang/compile.ts';
import { encodeContext } from './context.ts';
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

describe('programs on the accelerator', () => {
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

import { describe, expect, it } from 'vitest';
import { compileC } from '../../clang/compile.ts';
import { encodeContext } from './context.ts';
import { loadHookProgram } from './program.ts';
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

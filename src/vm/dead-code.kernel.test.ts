import { afterAll, describe, expect, it } from 'vitest';
import { assemble } from '../bpf/asm.ts';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { Vm } from './vm.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

/**
 * 6.18 walks over an atomic that fetches from the stack when it marks what must be precise (`kernel-faults.kernel.test.ts` of the verifier).
 * The path whose slot holds 64 covers the one whose slot holds what the packet holds; so `r0 = 3` is never reached, and is taken out.
 */
const PROGRAM = `
.section xdp
.license GPL
r6 = r1
*(u64 *)(r10 -8) = 64
r1 = *(u32 *)(r6 +12)
if r1 == 1 goto load
gotol join
load:
r1 = r6
r2 = 16
r3 = r10
r3 += -8
r4 = 8
call bpf_xdp_load_bytes
join:
r5 = 1
r5 = 1
r5 = 1
if r5 == 3 goto filled
filled:
r0 = 13
r0 = atomic64_xchg((u64 *)(r10 -8), r0)
if r0 <= 0xff goto low
r0 = 3
exit
low:
r0 = 2
exit`;

describe('code that 6.18 takes out of a program although it runs', () => {
  it('runs in both engines as it stands', async () => {
    const { program, diagnostics } = assemble(PROGRAM);
    expect(diagnostics).toEqual([]);
    const packet = new Uint8Array(64).fill(9);
    for (const engine of ['interp', 'wasm'] as const) expect(new Vm(program!, { engine }).run({ packet }).returnValue).toBe(3);
    if (!kernel) return;
    const loaded = await kernel.load(program!, { logLevel: 1 });
    expect(loaded.message).toBeNull();
    expect((await loaded.program!.testRun(packet)).returnValue).toBe(2);
    await loaded.program!.closeAll();
  });
});

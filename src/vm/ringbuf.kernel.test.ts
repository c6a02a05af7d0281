import { afterAll, describe, expect, it } from 'vitest';
import { assemble } from '../bpf/asm.ts';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { randomSource } from './testing/random-program.ts';
import { Vm } from './vm.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

const STEPS = 40;
const SIZES = [8, 13, 400, 1000];

const reserve = (size: number): string => `r1 = map[ring]\nr2 = ${size}\nr3 = 0\ncall bpf_ringbuf_reserve`;
const finish = (register: string, helper: string): string => `r1 = ${register}\nr2 = 0\ncall bpf_ringbuf_${helper}`;

/** One of seven things by a byte of the packet, which also gives what is written. r9 gathers the results. */
const step = (i: number): string => {
  const size = SIZES[i % SIZES.length];
  return `
r8 = *(u8 *)(r10 ${i - 64})
r7 = r8
r7 >>= 3
r8 &= 7
r0 = 0
if r8 == 0 goto output${i}
if r8 == 1 goto submit${i}
if r8 == 2 goto discard${i}
if r8 == 3 goto two${i}
if r8 == 4 goto turned${i}
if r8 > 5 goto done${i}
r1 = map[ring]
r2 = ${i % 5}
call bpf_ringbuf_query
goto done${i}
output${i}:
*(u64 *)(r10 -80) = r7
*(u64 *)(r10 -72) = r7
r1 = map[ring]
r2 = r10
r2 += -80
r3 = ${(i % 16) + 1}
r4 = 0
call bpf_ringbuf_output
goto done${i}
submit${i}:
${reserve(size)}
if r0 == 0 goto full${i}
*(u64 *)(r0 +0) = r7
${size > 8 ? `*(u32 *)(r0 +8) = r8\n*(u8 *)(r0 +12) = r7` : ''}
${finish('r0', size > 13 ? 'discard' : 'submit')}
r0 = 3
goto done${i}
discard${i}:
${reserve(size)}
if r0 == 0 goto full${i}
${finish('r0', 'discard')}
r0 = 4
goto done${i}
two${i}:
${reserve(8)}
if r0 == 0 goto full${i}
*(u64 *)(r0 +0) = r7
r6 = r0
${reserve(8)}
if r0 == 0 goto half${i}
*(u64 *)(r0 +0) = ${i}
${finish('r0', i % 2 ? 'submit' : 'discard')}
half${i}:
${finish('r6', 'submit')}
r0 = 5
goto done${i}
turned${i}:
${reserve(16)}
if r0 == 0 goto full${i}
*(u64 *)(r0 +0) = ${i}
*(u64 *)(r0 +8) = r7
r6 = r0
r1 = map[ring]
r2 = r10
r2 += -64
r3 = 64
r4 = 0
call bpf_ringbuf_output
r7 = r0
${finish('r6', i % 3 ? 'submit' : 'discard')}
r0 = r7
goto done${i}
full${i}:
r0 = 77
done${i}:
w9 *= 31
w9 += w0`;
};

const PROGRAM = `
.section xdp
.license GPL
.map ring ringbuf 0 0 4096
r2 = 16
r3 = r10
r3 += -64
r4 = 64
call bpf_xdp_load_bytes
r9 = 0
if r0 != 0 goto out
${Array.from({ length: STEPS }, (_, i) => step(i)).join('\n')}
out:
r0 = r9
exit`;

describe.skipIf(!kernel)('ring buffers', () => {
  it('get full, and give their records in the order of the kernel’s', { timeout: 120_000 }, async () => {
    const { program, diagnostics } = assemble(PROGRAM);
    expect(diagnostics).toEqual([]);
    await kernel!.pin(0);
    const loaded = await kernel!.load(program!, { logLevel: 1 });
    expect(loaded.message).toBeNull();
    const engines = (['interp', 'wasm'] as const).map((engine) => new Vm(program!, { engine }));
    const random = randomSource(5);
    let records = 0;
    for (let run = 0; run < 60; run++) {
      const packet = Uint8Array.from({ length: 96 }, () => random());
      const expected = await loaded.program!.testRun(packet);
      const held = (await loaded.program!.map('ring').takeRecords()).map((record) => Buffer.from(record).toString('hex'));
      for (const vm of engines) {
        const got = vm.run({ packet });
        const sent = got.events.map((event) => (event.kind === 'ringbuf' ? Buffer.from(event.data).toString('hex') : event.kind));
        expect([run, got.returnValue, sent]).toEqual([run, expected.returnValue, held]);
      }
      records += held.length;
    }
    expect(records).toBeGreaterThan(500);
    await loaded.program!.closeAll();
  });
});

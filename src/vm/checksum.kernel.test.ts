import { afterAll, describe, expect, it } from 'vitest';
import { assemble } from '../bpf/asm.ts';
import { kernelForTests } from '../companion/vitest-kernel.ts';
import { randomSource } from './testing/random-program.ts';
import { Vm } from './vm.ts';

const kernel = await kernelForTests();
afterAll(() => kernel?.close());

/** Sizes, seed and both texts come from the packet. */
const DIFFERENCE = `
.section xdp
.license GPL
r6 = r1
r2 = 16
r3 = r10
r3 += -160
r4 = 144
call bpf_xdp_load_bytes
if r0 != 0 goto out
r2 = *(u32 *)(r10 -160)
r4 = *(u32 *)(r10 -156)
r5 = *(u32 *)(r10 -152)
r0 = 1
if r2 > 64 goto out
if r4 > 64 goto out
r1 = r10
r1 += -144
r3 = r10
r3 += -80
call bpf_csum_diff
out: exit`;

/** Old and new value from bytes 40 and 48 on, into the field at byte 30. */
const replace = (helper: string, flags: number): string => `
.section tc
.license GPL
r6 = r1
r2 = 40
r3 = r10
r3 += -16
r4 = 16
call bpf_skb_load_bytes
if r0 != 0 goto out
r1 = r6
r2 = 30
r3 = *(u64 *)(r10 -16)
r4 = *(u64 *)(r10 -8)
r5 = ${flags}
call bpf_${helper}
out: exit`;

/** Sums of one's complement have two zeros: only words of few kinds come by both. */
function drawn(random: () => number, length: number): Uint8Array {
  const kind = random() % 3;
  return Uint8Array.from({ length }, () => [random() % 2 ? 255 : 0, random() % 4 ? 0 : random(), random()][kind]);
}

describe.skipIf(!kernel)('checksums are the kernel’s, whichever zero they come to', () => {
  async function compare(text: string, packets: readonly Uint8Array[]): Promise<Set<number>> {
    const { program, diagnostics } = assemble(text);
    expect(diagnostics).toEqual([]);
    await kernel!.pin(0);
    const loaded = await kernel!.load(program!, { logLevel: 1 });
    expect(loaded.message).toBeNull();
    const engines = (['interp', 'wasm'] as const).map((engine) => new Vm(program!, { engine }));
    const results = new Set<number>();
    for (const packet of packets) {
      const expected = await loaded.program!.testRun(packet);
      for (const vm of engines) {
        const got = vm.run({ packet });
        const seen = [got.returnValue, Buffer.from(got.packet!).toString('hex')];
        expect(seen, Buffer.from(packet).toString('hex')).toEqual([expected.returnValue, Buffer.from(expected.data).toString('hex')]);
      }
      results.add(expected.returnValue);
    }
    await loaded.program!.closeAll();
    return results;
  }

  it('bpf_csum_diff', { timeout: 120_000 }, async () => {
    const random = randomSource(11);
    const packets = Array.from({ length: 1500 }, () => {
      const packet = drawn(random, 160);
      const head = Uint32Array.of(
        random() % 3 ? random() % 65 : 0,
        random() % 3 ? random() % 65 : 0,
        [0, 0xffffffff, 1, random()][random() % 4],
      );
      packet.set(new Uint8Array(head.buffer), 16);
      return packet;
    });
    const results = await compare(DIFFERENCE, packets);
    expect(results.has(0) && results.has(0xffff) && results.size > 300).toBe(true);
  });

  it.each([
    ['l3_csum_replace', 0],
    ['l3_csum_replace', 2],
    ['l3_csum_replace', 4],
    ['l4_csum_replace', 0],
    ['l4_csum_replace', 2],
    ['l4_csum_replace', 4],
    ['l4_csum_replace', 0x14],
    ['l4_csum_replace', 0x24],
    ['l4_csum_replace', 0x60],
  ])('bpf_%s with flags %i', { timeout: 120_000 }, async (helper, flags) => {
    const random = randomSource(flags + 1);
    const packets = Array.from({ length: 200 }, () => {
      const packet = drawn(random, 64);
      // Without a size the old value must be nothing.
      if ((flags & 15) === 0) packet.fill(0, 40, 48);
      return packet;
    });
    await compare(replace(helper, flags), packets);
  });
});
